from shop import (
    cart,
    price,  # about price
    )
print(cart)
