x = 1; import os; y = 2
