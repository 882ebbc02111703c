from shop import *
import os
