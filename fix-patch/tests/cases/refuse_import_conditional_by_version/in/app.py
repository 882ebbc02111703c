import sys
if sys.version_info >= (3, 11):
    import tomllib as toml
else:
    import tomli as toml
