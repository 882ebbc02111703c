import os


class Path:
    os = 'linux'
    name = os
