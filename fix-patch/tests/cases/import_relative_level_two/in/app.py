from ..shop import cart
from .shop import cart as c
print(c)
