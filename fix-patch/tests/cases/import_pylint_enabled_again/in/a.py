# pylint: disable=unused-import
import sys
# pylint: enable=unused-import
import os
