type Cart = shop.Cart

import shop
