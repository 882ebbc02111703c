import os, sys

print(sys.argv)
