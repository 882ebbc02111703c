def f():
    # first
    import os
    # last

x = 1
