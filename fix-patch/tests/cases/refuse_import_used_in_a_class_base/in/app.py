from shop import Cart


class A(Cart): ...
