def f():
    import os


def g(os):
    return os
