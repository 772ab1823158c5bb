"""One linear map of each vector."""

import keras

from mmzoo.encoders.features_encoder import FeaturesEncoder


@keras.saving.register_keras_serializable(package="mmzoo")
class FeaturesLinear(FeaturesEncoder):
    """One linear layer, the same for all vectors of a sequence.

    Args:
        units: width of the tokens; `None`: no layer, for a fusion block that has a linear map of
            each modality itself, such as `sum`.
        **kwargs: `pooling`, `projection_units`, `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: `(B, D)` float; or dict of `vectors`, `(B, T, D)`, and `mask`, `(B, T)` bool.

    Returns:
        `(tokens, mask)`: `(B, T, units)` and `(B, T)`, where one vector is one token.

    Example:

    >>> import numpy as np
    >>> tokens, mask = FeaturesLinear(units=4)(np.ones((2, 10), "float32"))
    >>> tuple(tokens.shape)
    (2, 1, 4)
    """

    def __init__(self, units=128, **kwargs):
        super().__init__(**kwargs)
        self.linear = (
            keras.layers.Dense(units, dtype=self.dtype_policy, name="linear") if units else None
        )
        self.units = units

    def contextualize(self, tokens, mask):
        return tokens if self.linear is None else self.linear(tokens)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
