try:
    import fast
except ImportError:
    HAS = False
else:
    HAS = True
