import shop.cart
from shop import cart
shop.cart
