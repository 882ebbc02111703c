import os
x = 1  # C:\  
