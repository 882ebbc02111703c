from shop import (
    cart,
    price,
)
x = 1
