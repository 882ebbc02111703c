class Api:
    import json
