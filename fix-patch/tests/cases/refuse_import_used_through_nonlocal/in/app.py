def f():
    import os

    def g():
        nonlocal os
        return os
    return g
