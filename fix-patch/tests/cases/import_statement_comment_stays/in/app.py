from shop import cart, till  # the shop

cart()
