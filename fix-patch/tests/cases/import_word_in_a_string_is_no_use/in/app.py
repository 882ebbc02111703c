import os
x = "os is not used"
