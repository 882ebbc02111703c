# ruff: disable[F401]
def f():
    # ruff: enable[F401]
    import sys
import os
