def f():
    import os

def g():
    import os
