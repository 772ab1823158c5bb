"""Low-rank tensor fusion."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion, pooled


@keras.saving.register_keras_serializable(package="mmzoo")
class LowRank(Fusion):
    """Tensor fusion with a weight tensor of low rank, so the outer product is never built (LMF).

    `h = sum_r prod_m W_m^r [x_m; 1] + b`. Every factor `W_m^r` is a trainable weight. Products of
    several factors leave half precision, so from there on, hidden layers included, all is float32.

    Args:
        dim: width of the fused vector.
        rank: number of rank-one terms.
        **kwargs: `hidden_units`, `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, D)`; widths may differ.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, dim)`.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 6), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> tuple(LowRank(dim=16)(tokens, mask).shape)
    (2, 16)

    Formula: h = sum_r prod_m W_m^r [x_m; 1] + b
    Reference: Liu et al. 2018, arXiv 1806.00064 (LMF).
    Choose when: as tensor, with more modalities or wider features.
    """

    projects = "never"
    precise = True

    def __init__(self, dim=None, rank=4, **kwargs):
        super().__init__(dim=dim, **kwargs)
        self.rank = rank

    def build(self, tokens_shape):
        # The bias is the column of W that meets the appended 1. It does not start at zero, which
        # would leave the products of fewer modalities out.
        self.factors = [
            self.make_dense(
                self.rank * self.dim,
                f"{name}_factors",
                bias_initializer=keras.initializers.RandomNormal(
                    stddev=tokens_shape[name][-1] ** -0.5
                ),
            )
            for name in sorted(tokens_shape)
        ]
        self.bias = self.add_weight((self.dim,), initializer="zeros", name="bias")

    def fuse(self, tokens, mask):
        product = 1.0
        for factors, vector in zip(self.factors, pooled(tokens, mask), strict=True):
            product = product * ops.cast(factors(vector), "float32")
        terms = ops.reshape(product, (-1, self.rank, self.dim))
        return ops.sum(terms, axis=1) + ops.cast(self.bias, "float32")

    def get_config(self):
        return {**super().get_config(), "rank": self.rank}
