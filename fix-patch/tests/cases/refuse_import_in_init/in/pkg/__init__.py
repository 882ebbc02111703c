from .shop import cart
