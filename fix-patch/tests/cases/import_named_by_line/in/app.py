def f():
    import os


def g():
    x = 1
    y = 2
    z = 3
    import os
