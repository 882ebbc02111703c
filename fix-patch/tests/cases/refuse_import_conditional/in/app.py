import sys

if sys.version_info > (3, 11):
    import new as toml
else:
    import old as toml
