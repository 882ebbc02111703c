from shop import cart
x = [cart for cart in range(3)]
