try:
    import json
    from fast import json
except ValueError:
    pass
print(json)
