if x: import os; y = 1
