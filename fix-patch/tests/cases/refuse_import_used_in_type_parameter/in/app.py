from shop import Cart


def f[T: Cart](x: T): ...
