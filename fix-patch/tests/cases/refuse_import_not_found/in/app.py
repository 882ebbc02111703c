from shop import cart
import shop.till
