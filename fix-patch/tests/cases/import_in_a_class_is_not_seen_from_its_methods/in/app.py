class A:
    import os

    def f(self):
        return os
