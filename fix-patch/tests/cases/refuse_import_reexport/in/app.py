from shop import cart as cart
