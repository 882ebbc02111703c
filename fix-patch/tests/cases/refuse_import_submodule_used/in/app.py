import os
import os.path

os.getcwd()
