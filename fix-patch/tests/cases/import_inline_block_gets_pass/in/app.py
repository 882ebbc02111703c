import sys
if sys.argv: import os
