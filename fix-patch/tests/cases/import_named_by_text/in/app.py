def f():
    import os  # one


def g():
    import os  # two
