"""Multimodal factorised bilinear pooling."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion, pooled

EPSILON = 1e-6


@keras.saving.register_keras_serializable(package="mmzoo")
class MFB(Fusion):
    """Products summed over small groups, then a signed square root and L2 normalisation (MFB).

    `z = sum_pool(prod_m W_m x_m, factors)`, then `z <- sign(z) sqrt(|z|)` and `z <- z / |z|`. The
    paper has two modalities; here the product runs over all there are. From the product on, all is
    float32; the root is computed as `z / sqrt(|z| + 1e-6)`, whose gradient at 0 is finite.

    Args:
        dim: width of the fused vector.
        factors: size of the groups that are summed, `k` in the paper.
        dropout: rate on the products, as in the paper, and before hidden layers.
        **kwargs: `hidden_units`, `activation`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, D)`; widths may differ.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, dim)`, of length 1, or less for products near 0.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 6), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> tuple(MFB(dim=16)(tokens, mask).shape)
    (2, 16)

    Formula: z = sum_pool(prod_m W_m x_m, k); h = s / |s|, s = sign(z) sqrt(|z|)
    Reference: Yu et al. 2017, arXiv 1708.01471 (MFB).
    Choose when: as bilinear, and features of very different size should count alike.
    """

    projects = "never"

    def __init__(self, dim=None, factors=5, **kwargs):
        super().__init__(dim=dim, **kwargs)
        self.factors = factors
        self.dropout_layer = keras.layers.Dropout(self.dropout, dtype="float32", name="dropout")

    def build(self, tokens_shape):
        self.maps = [
            self.make_dense(self.factors * self.dim, f"{name}_map") for name in sorted(tokens_shape)
        ]

    def fuse(self, tokens, mask):
        product = 1.0
        for linear, vector in zip(self.maps, pooled(tokens, mask), strict=True):
            product = product * ops.cast(linear(vector), "float32")
        product = self.dropout_layer(product)
        fused = ops.sum(ops.reshape(product, (-1, self.dim, self.factors)), axis=-1)
        fused = fused / ops.sqrt(ops.abs(fused) + EPSILON)
        length = ops.sqrt(ops.sum(ops.square(fused), axis=-1, keepdims=True) + EPSILON)
        return ops.cast(fused / length, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "factors": self.factors}
