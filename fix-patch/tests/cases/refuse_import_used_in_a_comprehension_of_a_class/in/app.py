import math


class Circle:
    math = 1
    areas = [math.pi for _ in range(3)]
