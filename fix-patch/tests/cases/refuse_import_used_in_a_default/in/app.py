import os


def f(x=os.name): ...
