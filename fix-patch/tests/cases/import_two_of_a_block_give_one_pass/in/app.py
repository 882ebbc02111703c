def f():
    import os
    import re
