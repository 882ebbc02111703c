x = "import os"
