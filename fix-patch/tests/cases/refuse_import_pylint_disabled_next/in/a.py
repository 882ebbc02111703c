import sys
# pylint: disable-next=unused-import
import os
