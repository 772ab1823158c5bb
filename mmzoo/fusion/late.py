"""Late fusion: every modality predicts for itself."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion, pooled, present_modalities, softmax_over_present


@keras.saving.register_keras_serializable(package="mmzoo")
class Late(Fusion):
    """One vector a modality goes to the head, which averages their logits.

    `logits = sum_m a_m (W f_m(x_m) + b)` with `a = softmax(w)` over the present modalities: a
    logarithmic opinion pool. `f_m` are dense layers of the modality's own. The block hands over
    `M a_m f_m(x_m)`, whose plain mean of logits, which is what every head takes, is that sum. If
    no modality is present, the logits are `b`.

    Args:
        dim: width of the vectors; that of the one layer that `tower_units=None` stands for.
        tower_units: widths of each modality's own dense layers.
        **kwargs: `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, D)`; widths may differ.
        mask: dict from modality name to `(B, T)` bool; all `False` is an absent modality.

    Returns:
        `(B, M, tower_units[-1])`.

    Raises:
        ValueError: for `hidden_units`: joint layers would not be late fusion.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 6), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> tuple(Late(dim=16)(tokens, mask).shape)
    (2, 2, 16)

    Formula: logits = sum_m a_m (W f_m(x_m) + b), a = softmax(w) over the present m
    Reference: Baltrušaitis et al. 2017, arXiv 1705.09406, section 6; opinion pools: Genest and
        Zidek 1986.
    Choose when: modalities are often missing, and each has a say of its own.
    """

    projects = "never"
    masks_absent = True

    def __init__(self, dim=None, tower_units=None, hidden_units=(), **kwargs):
        if hidden_units:
            raise ValueError(
                "Late fusion has no joint hidden layers: each modality predicts for itself. Use "
                f"`tower_units` for layers of each; received hidden_units={hidden_units!r}."
            )
        super().__init__(dim=dim, **kwargs)
        self.tower_units = tower_units if tower_units is None else tuple(tower_units)

    def build(self, tokens_shape):
        names = sorted(tokens_shape)
        widths = (self.dim,) if self.tower_units is None else self.tower_units
        self.towers = [
            [
                self.make_dense(units, f"{name}_tower_{i}", activation=self.activation)
                for i, units in enumerate(widths)
            ]
            for name in names
        ]
        self.modality_logits = self.add_weight(
            (len(names),), initializer="zeros", name="modality_logits"
        )

    def fuse(self, tokens, mask):
        vectors = []
        for tower, vector in zip(self.towers, pooled(tokens, mask), strict=True):
            for layer in tower:
                vector = layer(vector)
            vectors.append(vector)
        weights = softmax_over_present(self.modality_logits[None], present_modalities(mask))
        weights = weights * len(vectors)
        vectors = ops.stack(vectors, axis=1)
        return vectors * ops.cast(weights, vectors.dtype)[..., None]

    def get_config(self):
        config = super().get_config()
        del config["hidden_units"]
        units = self.tower_units
        return {**config, "tower_units": units if units is None else list(units)}
