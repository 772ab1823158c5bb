"""The element-wise maximum."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion, pooled


@keras.saving.register_keras_serializable(package="mmzoo")
class Max(Fusion):
    """The largest value among the modalities, dimension by dimension: `h = max_m x_m`.

    Args:
        dim: common width of the tokens.
        **kwargs: `hidden_units`, `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, dim)`.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, dim)`.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.full((1, 4, 8), 2.0), "text": np.full((1, 3, 8), 3.0)}
    >>> mask = {"image": np.ones((1, 4), bool), "text": np.ones((1, 3), bool)}
    >>> float(Max(dim=8)(tokens, mask)[0, 0])
    3.0

    Formula: h = max_m P_m x_m
    Reference: Su et al. 2015, arXiv 1505.00880 (view pooling).
    Choose when: any one modality alone may give the answer away.
    """

    def fuse(self, tokens, mask):
        return ops.max(ops.stack(pooled(tokens, mask), axis=0), axis=0)
