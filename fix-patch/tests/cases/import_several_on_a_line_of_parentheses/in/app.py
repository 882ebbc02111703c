from shop import (
    cart, price,
    stock, tax,
)
print(cart, stock, tax)
