"""The tensor fusion network's outer product."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion, pooled


@keras.saving.register_keras_serializable(package="mmzoo")
class Tensor(Fusion):
    """The outer product of all modalities, each with a 1 appended (TFN).

    `h = [z_1; 1] (x) ... (x) [z_M; 1]` with `z_m = relu(W_m x_m)`: every product of features of
    different modalities, and every feature alone. It has `(subspace_dim + 1) ** M` entries.

    Args:
        dim: width of the one hidden layer that `hidden_units=None` stands for.
        subspace_dim: width a modality is brought to before the product.
        max_size: largest outer product, in entries, that is allowed.
        hidden_units: widths of the classifier's hidden layers; `None`: one of width `dim`.
        **kwargs: `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, D)`; widths may differ.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, hidden_units[-1])`, or the outer product `(B, (subspace_dim + 1) ** M)` without hidden
        units.

    Raises:
        ValueError: when the outer product would have more than `max_size` entries.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 6), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> tuple(Tensor(subspace_dim=4, hidden_units=())(tokens, mask).shape)
    (2, 25)

    Formula: h = [relu(W_1 x_1); 1] (x) ... (x) [relu(W_M x_M); 1]
    Reference: Zadeh et al. 2017, arXiv 1707.07250 (TFN).
    Choose when: two or three modalities, and every interaction of their features may matter.
    """

    projects = "never"
    has_hidden_layer = True

    def __init__(self, dim=None, subspace_dim=32, max_size=100_000, **kwargs):
        super().__init__(dim=dim, **kwargs)
        self.subspace_dim = subspace_dim
        self.max_size = max_size

    def build(self, tokens_shape):
        names = sorted(tokens_shape)
        size = (self.subspace_dim + 1) ** len(names)
        if size > self.max_size:
            raise ValueError(
                f"The outer product of {len(names)} modalities with subspace_dim="
                f"{self.subspace_dim} has ({self.subspace_dim} + 1) ** {len(names)} = {size:,} "
                f"entries a row, more than max_size={self.max_size:,}. Lower `subspace_dim`, or "
                "use 'low_rank', which never builds the product."
            )
        self.subspaces = [
            self.make_dense(self.subspace_dim, f"{name}_subspace", activation="relu")
            for name in names
        ]

    def fuse(self, tokens, mask):
        product = None
        for subspace, vector in zip(self.subspaces, pooled(tokens, mask), strict=True):
            features = subspace(vector)
            features = ops.concatenate([features, ops.ones_like(features[:, :1])], axis=-1)
            if product is None:
                product = features
            else:
                outer = product[:, :, None] * features[:, None, :]
                product = ops.reshape(outer, (-1, outer.shape[1] * outer.shape[2]))
        return product

    def get_config(self):
        return {
            **super().get_config(),
            "subspace_dim": self.subspace_dim,
            "max_size": self.max_size,
        }
