"""Dense layers, one after another."""

import keras

from mmzoo.layers.composite_layer import CompositeLayer


@keras.saving.register_keras_serializable(package="mmzoo")
class MLP(CompositeLayer):
    """A multi-layer perceptron over the last dimension.

    Args:
        hidden_units: width of each layer.
        activation: of every layer.
        dropout: rate after every layer.
        **kwargs: `name`, `dtype`.

    Call arguments:
        x: `(..., D)` float.

    Returns:
        `(..., hidden_units[-1])`.

    Example:

    >>> import numpy as np
    >>> tuple(MLP(hidden_units=(8, 4))(np.ones((2, 3), "float32")).shape)
    (2, 4)
    """

    def __init__(self, hidden_units, activation="relu", dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        # Layers
        dtype = self.dtype_policy
        self.hidden_layers = [
            keras.layers.Dense(units, activation=activation, dtype=dtype, name=f"hidden_{i}")
            for i, units in enumerate(hidden_units)
        ]
        self.dropout_layer = keras.layers.Dropout(dropout, dtype=dtype, name="dropout")
        # Config
        self.hidden_units = tuple(hidden_units)
        self.activation = activation
        self.dropout = dropout

    def call(self, x):
        for layer in self.hidden_layers:
            x = self.dropout_layer(layer(x))
        return x

    def get_config(self):
        return {
            **super().get_config(),
            "hidden_units": list(self.hidden_units),
            "activation": self.activation,
            "dropout": self.dropout,
        }
