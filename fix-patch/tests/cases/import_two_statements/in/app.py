import os
import re
import sys
print(sys.argv)
