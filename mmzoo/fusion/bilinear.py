"""Low-rank bilinear pooling."""

import keras

from mmzoo.fusion.fusion import Fusion, pooled


@keras.saving.register_keras_serializable(package="mmzoo")
class Bilinear(Fusion):
    """A bilinear form of two modalities, with weight matrices of low rank.

    `h_i = x^T W_i y + b_i` with `W_i = U diag(P_i) V^T`, computed as `h = P (U^T x * V^T y) + b`.
    `U` and `V` have biases, which adds the linear terms.

    Args:
        dim: width of the fused vector.
        rank: rank of the matrices; `None`: `dim`.
        **kwargs: `hidden_units`, `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, D)`, of two modalities; widths may differ.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, dim)`.

    Raises:
        ValueError: for any number of modalities but two.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 6), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> tuple(Bilinear(dim=16)(tokens, mask).shape)
    (2, 16)

    Formula: h = P (U^T x * V^T y) + b
    Reference: Kim et al. 2016, arXiv 1610.04325, section 2 (low-rank bilinear model).
    Choose when: exactly two modalities, and a product of features carries the answer.
    """

    projects = "never"

    def __init__(self, dim=None, rank=None, **kwargs):
        super().__init__(dim=dim, **kwargs)
        self.rank = rank

    def build(self, tokens_shape):
        names = sorted(tokens_shape)
        if len(names) != 2:
            raise ValueError(
                f"'bilinear' joins two modalities; received {len(names)}: {names}. 'low_rank' and "
                "'product' are its generalisations to any number."
            )
        self.factors = [
            self.make_dense(self.dim if self.rank is None else self.rank, f"{name}_factor")
            for name in names
        ]
        self.output_map = self.make_dense(self.dim, "output_map")

    def fuse(self, tokens, mask):
        x, y = pooled(tokens, mask)
        return self.output_map(self.factors[0](x) * self.factors[1](y))

    def get_config(self):
        return {**super().get_config(), "rank": self.rank}
