x = 1

import os
def f():
    import os
    return os
