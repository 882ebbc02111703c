if x:
    y = 1
else:
    import os
