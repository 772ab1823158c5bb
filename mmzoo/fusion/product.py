"""The Hadamard product."""

import keras

from mmzoo.fusion.fusion import Fusion, pooled


@keras.saving.register_keras_serializable(package="mmzoo")
class Product(Fusion):
    """The element-wise product of the modalities' squashed mean tokens (MLB).

    `h = prod_m tanh(x_m)`: a low-rank bilinear model of all pairs of features. The linear maps of
    the paper are the projections that `build_model` puts before the block.

    Args:
        dim: common width of the tokens.
        squash: activation before the product.
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
    >>> float(Product(dim=8, squash="linear")(tokens, mask)[0, 0])
    6.0

    Formula: h = prod_m tanh(P_m x_m)
    Reference: Kim et al. 2016, arXiv 1610.04325 (MLB).
    Choose when: interactions at the cost of a sum.
    """

    def __init__(self, dim=None, squash="tanh", **kwargs):
        super().__init__(dim=dim, **kwargs)
        self.squash = squash
        self.squash_function = keras.activations.get(squash)

    def fuse(self, tokens, mask):
        fused = 1
        for vector in pooled(tokens, mask):
            fused = fused * self.squash_function(vector)
        return fused

    def get_config(self):
        return {**super().get_config(), "squash": self.squash}
