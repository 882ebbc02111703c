def load():
    global json
    import json

def use():
    return json
