try:
    import os
    x = 1
finally:
    y = 2
