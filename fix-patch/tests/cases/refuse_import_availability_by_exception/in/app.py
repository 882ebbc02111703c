try:
    import os
except Exception:
    os = None
