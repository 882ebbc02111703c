from shop import (cart,
                  till)

till
