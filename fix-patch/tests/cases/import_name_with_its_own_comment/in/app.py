from shop import (
    cart,  # about cart
    price,  # about price
)
print(cart)
