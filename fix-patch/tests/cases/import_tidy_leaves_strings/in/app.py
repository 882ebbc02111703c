import os
x = """a  
  b  
"""  
y = 1 
