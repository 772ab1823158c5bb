"""The properties that mmzoo's own parts are held to, for parts of your own.

Each function takes an instance and raises an `AssertionError` that names the property it lacks.
They need no test framework: call them in a test of yours.
"""

from mmzoo.testing.check_encoder import check_encoder
from mmzoo.testing.check_fusion import check_fusion
from mmzoo.testing.check_modality import check_modality

__all__ = ["check_encoder", "check_fusion", "check_modality"]
