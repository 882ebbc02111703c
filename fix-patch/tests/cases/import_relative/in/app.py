from . import cart, price
print(price)
