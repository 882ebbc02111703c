import os

__all__ = []


def export(name):
    __all__.append(name)
