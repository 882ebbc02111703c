import os.path
x = 1
