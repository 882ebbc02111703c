def f():
    """Doc."""
    import os
