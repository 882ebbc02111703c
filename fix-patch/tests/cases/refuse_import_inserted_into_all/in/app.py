from shop import cart
__all__ = []
__all__.insert(0, "cart")
