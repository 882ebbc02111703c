from shop import cart, \
    price
print(cart)
