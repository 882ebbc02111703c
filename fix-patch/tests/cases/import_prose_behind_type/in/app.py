import value

# type: choose a value
x = 1
