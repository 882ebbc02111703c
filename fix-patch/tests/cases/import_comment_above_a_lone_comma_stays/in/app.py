from shop import (
    cart
    # below
    ,
    price
)
