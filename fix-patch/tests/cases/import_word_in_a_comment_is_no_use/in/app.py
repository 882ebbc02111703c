import os
# os
