"""A sum with learned weights."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion, pooled, present_modalities, softmax_over_present


@keras.saving.register_keras_serializable(package="mmzoo")
class WeightedSum(Fusion):
    """A convex combination of the modalities' mean tokens, over those that are present.

    `h = sum_m a_m x_m` with `a = softmax(w)` over the present modalities; zeros if none is.

    Args:
        dim: common width of the tokens.
        **kwargs: `hidden_units`, `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, dim)`.
        mask: dict from modality name to `(B, T)` bool; all `False` is an absent modality.

    Returns:
        `(B, dim)`.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((1, 4, 8), "float32"), "text": np.zeros((1, 3, 8), "float32")}
    >>> mask = {"image": np.ones((1, 4), bool), "text": np.zeros((1, 3), bool)}
    >>> float(WeightedSum(dim=8)(tokens, mask)[0, 0])
    1.0

    Formula: h = sum_m a_m P_m x_m, a = softmax(w) over the present m
    Reference: Baltrušaitis et al. 2017, arXiv 1705.09406, section 6.
    Choose when: as sum, with inputs that are often missing.
    """

    masks_absent = True

    def build(self, tokens_shape):
        self.modality_logits = self.add_weight(
            shape=(len(tokens_shape),), initializer="zeros", name="modality_logits"
        )

    def fuse(self, tokens, mask):
        vectors = ops.stack(pooled(tokens, mask), axis=1)  # (B, M, dim)
        weights = softmax_over_present(self.modality_logits[None], present_modalities(mask))
        return ops.sum(vectors * ops.cast(weights, vectors.dtype)[..., None], axis=1)
