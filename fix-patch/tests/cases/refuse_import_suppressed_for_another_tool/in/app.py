import shop  # nopycln: import
