import os
del os
