from shop import (
    cart,  # basket
    till,  # money
    # the door
    door,
)

cart, door
