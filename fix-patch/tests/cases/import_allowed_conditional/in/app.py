if x:
    import os
else:
    os = None
