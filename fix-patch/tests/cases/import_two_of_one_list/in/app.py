import os, re, sys
print(sys.argv)
