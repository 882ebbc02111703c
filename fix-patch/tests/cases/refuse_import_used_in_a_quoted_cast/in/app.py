from typing import cast

from shop import Cart
x = cast("Cart", 1)
