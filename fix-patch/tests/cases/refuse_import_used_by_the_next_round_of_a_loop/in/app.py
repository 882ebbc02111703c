for x in y:
    print(os)
    import os
