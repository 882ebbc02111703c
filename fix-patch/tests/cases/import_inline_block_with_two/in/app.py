if x: import os; import re
