from a import (
    b,
    c,
)  # noqa: F401
c
