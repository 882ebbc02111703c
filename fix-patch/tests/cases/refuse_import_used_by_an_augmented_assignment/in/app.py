from shop import total
total += 1
