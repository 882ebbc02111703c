def f():
    import os
    pass
