import os
x = t"{os.name}"
