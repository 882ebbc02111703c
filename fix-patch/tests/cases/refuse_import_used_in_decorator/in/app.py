import shop


@shop.cart
def f(): ...
