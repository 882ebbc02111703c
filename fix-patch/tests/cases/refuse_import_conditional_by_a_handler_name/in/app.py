try:
    import error
except OSError as error:
    pass
