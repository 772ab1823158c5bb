"""mmzoo: a multimodal model zoo for Keras 3 on TensorFlow."""

# The public names are in mmzoo/api.py.

import importlib
import os
import sys

from mmzoo.version import __version__ as __version__


def __getattr__(name):
    return getattr(importlib.import_module("mmzoo.api"), name)


# `mmzoo ...` or `python -m mmzoo ...`: `--help` need not wait for TensorFlow.
if os.path.basename("".join(sys.argv[:1])) not in ("mmzoo", "mmzoo.exe", "-m"):
    from mmzoo.api import *  # noqa: F403
    from mmzoo.api import __all__ as __all__
