from shop import (
    cart,
    # about price
    price,
)
print(price)
