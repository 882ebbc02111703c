for x in y:
    import os
