from shop import cart
__all__ = [n for n in dir() if n]
