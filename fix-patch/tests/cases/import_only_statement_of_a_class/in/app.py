class A:
    import os  # why
