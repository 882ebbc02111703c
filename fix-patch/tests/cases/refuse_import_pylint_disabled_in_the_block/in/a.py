import sys
# pylint: disable=unused-import
if sys:
    import os
