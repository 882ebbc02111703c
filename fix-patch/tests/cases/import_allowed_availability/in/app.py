try:
    import os
except ImportError:
    x = 1
