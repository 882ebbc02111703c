import shop
from typing import cast as c

x = c('shop.Cart', y)
