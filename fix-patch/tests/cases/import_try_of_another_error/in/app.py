try:
    import os
    x = int("1")
except ValueError:
    x = 0
