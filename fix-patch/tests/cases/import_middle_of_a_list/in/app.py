import sys, os, re
print(sys.argv, re)
