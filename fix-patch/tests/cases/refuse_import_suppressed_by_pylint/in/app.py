import os  # pylint: disable=unused-import
