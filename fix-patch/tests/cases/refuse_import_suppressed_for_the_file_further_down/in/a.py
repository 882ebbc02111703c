import os
import sys
# flake8: noqa
