import os
import sys  # noqa
# noqa
# pylint: disable=unused-import
