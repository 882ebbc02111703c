def total(cart: 'shop.Cart'):
    return cart.total


import shop
