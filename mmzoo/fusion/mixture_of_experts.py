"""A mixture of experts, several a modality."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion, pooled, present_modalities, softmax_over_present


@keras.saving.register_keras_serializable(package="mmzoo")
class MixtureOfExperts(Fusion):
    """Each modality has its own small networks, and a gate that sees all of them weighs these.

    `h = sum_mk g_mk E_mk(x_m)`, `g = softmax(G [x_1; ...; x_M])` over the experts of the modalities
    that are present; zeros if none is. An expert is `E(x) = A relu(B x)`.

    Args:
        dim: width of the fused vector and of the experts' hidden layers.
        num_experts: experts a modality.
        **kwargs: `hidden_units`, `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, D)`; widths may differ.
        mask: dict from modality name to `(B, T)` bool; all `False` is an absent modality.

    Returns:
        `(B, dim)`.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 6), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> tuple(MixtureOfExperts(dim=16)(tokens, mask).shape)
    (2, 16)

    Formula: h = sum_mk g_mk E_mk(x_m), g = softmax(G [x_1; ...; x_M]) over the present m
    Reference: Jacobs et al. 1991, "Adaptive mixtures of local experts"; over modalities that may
        be missing: Miech et al. 2018, arXiv 1804.02516.
    Choose when: inputs are often missing, or rows fall into kinds that need different rules.
    """

    projects = "never"
    masks_absent = True

    def __init__(self, dim=None, num_experts=2, **kwargs):
        super().__init__(dim=dim, **kwargs)
        self.num_experts = num_experts

    def build(self, tokens_shape):
        names = sorted(tokens_shape)
        width = self.num_experts * self.dim
        self.hidden = [
            self.make_dense(width, f"{name}_hidden", activation="relu") for name in names
        ]
        self.outputs = [
            keras.layers.EinsumDense(
                "bkd,kde->bke",
                (self.num_experts, self.dim),
                bias_axes="ke",
                dtype=self.dtype_policy,
                name=f"{name}_output",
            )
            for name in names
        ]
        self.gate = self.make_dense(len(names) * self.num_experts, "gate")

    def fuse(self, tokens, mask):
        vectors = pooled(tokens, mask)
        experts = []
        for hidden, output, vector in zip(self.hidden, self.outputs, vectors, strict=True):
            features = ops.reshape(hidden(vector), (-1, self.num_experts, self.dim))
            experts.append(output(features))
        logits = self.gate(ops.concatenate(vectors, axis=-1))
        present = ops.repeat(present_modalities(mask), self.num_experts, axis=1)
        weights = softmax_over_present(logits, present)
        experts = ops.concatenate(experts, axis=1)  # (B, M * num_experts, dim)
        return ops.sum(experts * ops.cast(weights, experts.dtype)[..., None], axis=1)

    def get_config(self):
        return {**super().get_config(), "num_experts": self.num_experts}
