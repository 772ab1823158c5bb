"""Concatenation."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion, pooled


@keras.saving.register_keras_serializable(package="mmzoo")
class Concat(Fusion):
    """The modalities' mean tokens side by side, then hidden layers.

    `h = W [x_1; x_2; ...] + b`. With `hidden_units=()` the vectors go to the head as they are,
    and the model is additive in the modalities.

    Args:
        dim: width of the one hidden layer that `hidden_units=None` stands for.
        hidden_units: widths of the classifier's hidden layers; `None`: one of width `dim`,
            and none without a `dim`.
        **kwargs: `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, D)`; widths may differ.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, hidden_units[-1])`, or the sum of the widths without hidden units.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 6), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> tuple(Concat(dim=16)(tokens, mask).shape)
    (2, 16)

    Formula: h = relu(W [x_1; ...; x_M] + b)
    Reference: early (feature) fusion; Baltrušaitis et al. 2017, arXiv 1705.09406, section 6.
    Choose when: a first model, or inputs that need no token-level reasoning.
    """

    projects = "never"
    has_hidden_layer = True

    def fuse(self, tokens, mask):
        return ops.concatenate(pooled(tokens, mask), axis=-1)
