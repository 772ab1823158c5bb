"""Addition."""

import keras

from mmzoo.fusion.fusion import Fusion, pooled


@keras.saving.register_keras_serializable(package="mmzoo")
class Sum(Fusion):
    """The sum of the modalities' mean tokens: `h = sum_m x_m`. Additive: no interactions.

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
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 8), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> float(Sum(dim=8)(tokens, mask)[0, 0])
    2.0

    Formula: h = sum_m P_m x_m
    Reference: Baltrušaitis et al. 2017, arXiv 1705.09406, section 6.
    Choose when: a baseline without interactions.
    """

    def fuse(self, tokens, mask):
        return sum(pooled(tokens, mask))
