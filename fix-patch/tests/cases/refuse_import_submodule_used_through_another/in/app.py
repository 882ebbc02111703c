import shop
import shop.cart
print(shop)
