from shop import cart as c, price
print(price)
