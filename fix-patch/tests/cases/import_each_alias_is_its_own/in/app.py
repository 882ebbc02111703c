from shop import cart, cart as c
print(cart)
