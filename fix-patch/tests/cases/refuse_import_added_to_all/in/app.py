from shop import cart
__all__ = ["x"]
__all__ += ("cart",)
