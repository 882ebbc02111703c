from shop import (
    cart,

    price,
)
print(price)
