import sys, os
print(sys.argv)
