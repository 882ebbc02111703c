from shop import (
    cart,
    till
)

cart
