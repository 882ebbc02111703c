from shop import cart, price \
    as cost, stock
