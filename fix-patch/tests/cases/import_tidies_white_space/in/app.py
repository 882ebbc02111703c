import os
x = 1  
y = """
a  
"""
z = 2