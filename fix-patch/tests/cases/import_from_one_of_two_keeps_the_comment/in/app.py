from shop import cart, price  # note
print(price)
