from shop import (
    cart,
    door,
    lamp,
    till,
)
import os

door
