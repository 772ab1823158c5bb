"""A pytest plugin: makes `import tensorflow` fail, as where it is not installed."""

import sys

sys.modules["tensorflow"] = None
