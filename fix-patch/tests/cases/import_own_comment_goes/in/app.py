# about paths
import os  # for paths

print()
