from shop import (
      cart
    , till
    , door
)

cart, door
