import os
x = f"""a  
{1 +  
1}  
"""
y = 1 
