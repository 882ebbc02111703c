import os.path as p
import os
print(os.name)
