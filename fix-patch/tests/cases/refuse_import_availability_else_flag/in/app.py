try:
    import os
except ModuleNotFoundError:
    HAS = False
else:
    HAS = True
