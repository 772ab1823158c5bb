"""How much memory this machine has."""

import math
import os


def bytes_of_memory():
    """All of it, in use or not; infinity where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # not on Windows
        return math.inf
