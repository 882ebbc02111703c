from shop import cart
print(dict(cart=1))
