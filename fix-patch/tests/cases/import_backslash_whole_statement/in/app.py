from shop import \
    cart
x = 1
