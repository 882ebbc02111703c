import path
import os
print(os.path)
