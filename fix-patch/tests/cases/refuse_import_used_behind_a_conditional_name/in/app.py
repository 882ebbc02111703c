import os


class Path:
    if windows:
        os = None
    name = os.name
