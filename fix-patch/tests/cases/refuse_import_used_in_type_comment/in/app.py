from shop import Cart

c = []  # type: list[Cart]
