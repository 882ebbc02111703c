from shop import (
    cart
    ,  # the cart
    price
)
