import numpy as np
import sys
print(sys.argv)
