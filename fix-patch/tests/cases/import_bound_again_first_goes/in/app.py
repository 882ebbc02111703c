import json
import json

json.dumps({})
