"""The properties that mmzoo's own parts are held to, for parts of your own.

Each function takes an instance and raises an `AssertionError` that names the property it lacks.
They need no test framework: call them in a test of yours.
"""

from mmzoo.testing.check_encoder import check_encoder
from mmzoo.testing.check_fusion import check_fusion
from mmzoo.testing.check_head import check_head
from mmzoo.testing.check_modality import check_modality
from mmzoo.testing.check_target import check_target

__all__ = ["check_encoder", "check_fusion", "check_head", "check_modality", "check_target"]
