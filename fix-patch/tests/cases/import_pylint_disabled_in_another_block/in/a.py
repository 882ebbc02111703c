def f():
    # pylint: disable=unused-import
    import sys

import os
