import os
from shop import __all__
