prices = (shop.price(x) for x in carts)

import shop

print(list(prices))
