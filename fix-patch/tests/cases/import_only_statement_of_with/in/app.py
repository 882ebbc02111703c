with x:
    import os
