from shop import cart
__all__ = []
__all__.append("cart")
