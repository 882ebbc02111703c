def f():
    import os  # later


f()
