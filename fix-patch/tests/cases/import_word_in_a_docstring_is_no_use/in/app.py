"""Uses os."""
import os
