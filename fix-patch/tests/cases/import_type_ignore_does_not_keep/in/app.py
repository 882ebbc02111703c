import os  # type: ignore
x = 1
