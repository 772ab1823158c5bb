"""The gated multimodal unit."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion, pooled


@keras.saving.register_keras_serializable(package="mmzoo")
class Gated(Fusion):
    """A gate a dimension decides how much each modality counts (GMU).

    `h_m = tanh(W_m x_m)`. For two modalities `z = sigmoid(V [x_1; x_2])` and
    `h = z h_1 + (1 - z) h_2`. For more, where the paper has a sigmoid each, `z` is a softmax over
    the modalities, dimension by dimension, of `V [x_1; ...; x_M]`, which for two is that sigmoid,
    and `h = sum_m z_m h_m`.

    Args:
        dim: width of the fused vector.
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
    >>> tuple(Gated(dim=16)(tokens, mask).shape)
    (2, 16)

    Formula: h = z * tanh(W_1 x_1) + (1 - z) * tanh(W_2 x_2), z = sigmoid(V [x_1; x_2])
    Reference: Arevalo et al. 2017, arXiv 1702.01992 (GMU).
    Choose when: which modality to trust differs from row to row and from feature to feature.
    """

    projects = "never"

    def build(self, tokens_shape):
        names = sorted(tokens_shape)
        self.transforms = [
            self.make_dense(self.dim, f"{name}_transform", activation="tanh") for name in names
        ]
        gates = {1: 0, 2: 1}.get(len(names), len(names))
        self.gate = self.make_dense(gates * self.dim, "gate") if gates else None

    def fuse(self, tokens, mask):
        vectors = pooled(tokens, mask)
        hidden = [
            transform(vector) for transform, vector in zip(self.transforms, vectors, strict=True)
        ]
        if len(hidden) == 1:
            return hidden[0]
        gate = self.gate(ops.concatenate(vectors, axis=-1))
        if len(hidden) == 2:
            share = ops.sigmoid(gate)
            return share * hidden[0] + (1 - share) * hidden[1]
        shares = ops.softmax(ops.reshape(gate, (-1, len(hidden), self.dim)), axis=1)
        return ops.sum(shares * ops.stack(hidden, axis=1), axis=1)
