import os
print(f"{os.name!r:>{10}}")
