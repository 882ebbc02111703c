import os
files = !ls
