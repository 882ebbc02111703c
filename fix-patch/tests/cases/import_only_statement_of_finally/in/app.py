try:
    y = 1
finally:
    import os
