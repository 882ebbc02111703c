try:
    import os
except:
    pass
