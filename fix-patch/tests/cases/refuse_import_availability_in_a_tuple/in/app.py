try:
    import os
    HAS = True
except (ImportError, OSError):
    HAS = False
