import os  # noqa: E402
x = 1
