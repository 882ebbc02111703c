from ..shop import cart
