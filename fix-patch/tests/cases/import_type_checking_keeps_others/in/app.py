from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os
    import sys


def f(x: "sys.X"): ...
