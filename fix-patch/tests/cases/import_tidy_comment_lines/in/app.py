import os
# one  
#two	
x = 1
