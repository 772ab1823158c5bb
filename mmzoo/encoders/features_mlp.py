"""Dense layers over each vector."""

import keras

from mmzoo.encoders.features_encoder import FeaturesEncoder
from mmzoo.layers import MLP


@keras.saving.register_keras_serializable(package="mmzoo")
class FeaturesMLP(FeaturesEncoder):
    """Rectified dense layers, the same for all vectors of a sequence.

    Args:
        hidden_units: width of each dense layer.
        dropout: rate after each of them.
        **kwargs: `pooling`, `projection_units`, `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: `(B, D)` float; or dict of `vectors`, `(B, T, D)`, and `mask`, `(B, T)` bool.

    Returns:
        `(tokens, mask)`: `(B, T, hidden_units[-1])` and `(B, T)`, where one vector is one token.

    Example:

    >>> import numpy as np
    >>> tokens, mask = FeaturesMLP(hidden_units=(8, 4))(np.ones((2, 10), "float32"))
    >>> tuple(tokens.shape)
    (2, 1, 4)
    """

    def __init__(self, hidden_units=(128, 128), dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.mlp = MLP(hidden_units, dropout=dropout, dtype=self.dtype_policy, name="mlp")
        self.hidden_units = tuple(hidden_units)
        self.dropout = dropout

    def contextualize(self, tokens, mask):
        return self.mlp(tokens)

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_units": list(self.hidden_units),
            "dropout": self.dropout,
        }
