class A:
    import os
    x = 1
