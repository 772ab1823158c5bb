"""What `build_model` puts around the encoder of an optional modality."""

import keras
from keras import ops

from mmzoo.layers.composite_layer import CompositeLayer


def _per_row(present, rank):
    """`(B,)` reshaped so that it broadcasts over tensors of `rank` dimensions."""
    return ops.reshape(present, (-1,) + (1,) * (rank - 1))


@keras.saving.register_keras_serializable(package="mmzoo")
class NeutralInput(keras.layers.Layer):
    """Replaces the raw tensor of an absent modality by zeros, before its encoder.

    A selection, never a product: NaN times zero is NaN. It stands before the encoder, because
    BatchNorm would otherwise carry one row's content to its neighbours.

    Call arguments:
        x: `(B, ...)`, any dtype.
        present: `(B,)` bool.

    Returns:
        `x`, with zeros in the rows that are not present.

    Example:

    >>> import numpy as np
    >>> x = np.array([[1.0], [np.nan]], "float32")
    >>> NeutralInput()(x, np.array([True, False])).numpy().tolist()
    [[1.0], [0.0]]
    """

    def call(self, x, present):
        if keras.backend.standardize_dtype(x.dtype) == "string":
            from mmzoo.saved_model.neutral_strings import neutral_strings

            self.supports_jit = False
            return neutral_strings(x, present)
        return ops.where(_per_row(present, len(x.shape)), x, ops.zeros_like(x))


@keras.saving.register_keras_serializable(package="mmzoo")
class AbsentToken(CompositeLayer):
    """Replaces the tokens of an absent modality, after its encoder.

    Args:
        masked: `False`: an absent modality becomes one learned token, first in line.
            `True`: all its tokens are masked out, for blocks whose definition wants that.

    Call arguments:
        tokens: `(B, T, D)` float.
        mask: `(B, T)` bool.
        present: `(B,)` bool.

    Returns:
        `(tokens, mask)`, shapes unchanged.

    Example:

    >>> import numpy as np
    >>> tokens, mask = np.ones((2, 3, 4), "float32"), np.ones((2, 3), bool)
    >>> tokens, mask = AbsentToken()(tokens, mask, np.array([True, False]))
    >>> mask.numpy().tolist()
    [[True, True, True], [True, False, False]]
    """

    def __init__(self, masked=False, **kwargs):
        super().__init__(**kwargs)
        self.masked = masked

    def build(self, tokens_shape, present_shape):
        if not self.masked:
            self.token = self.add_weight(
                shape=(tokens_shape[-1],),
                initializer=keras.initializers.RandomNormal(stddev=0.02),
                name="token",
            )

    def call(self, tokens, mask, present):
        present = present[:, None]
        if self.masked:
            instead_mask = ops.zeros_like(mask)
            instead = ops.zeros_like(tokens)
        else:
            first = ops.arange(ops.shape(mask)[1]) == 0
            instead_mask = ops.broadcast_to(first[None], ops.shape(mask))
            instead = ops.cast(self.token, tokens.dtype)[None, None]
        return (
            ops.where(present[..., None], tokens, instead),
            ops.where(present, mask, instead_mask),
        )

    def get_config(self):
        return {**super().get_config(), "masked": self.masked}
