"""What the encoders of texts and sounds that read step by step share."""

import keras
from keras import ops


def recurrent_layer(make, units, bidirectional, use_cudnn, pooling, dtype):
    """A recurrent layer that returns what the pooling needs.

    Args:
        make: `keras.layers.GRU`, `keras.layers.LSTM`, or the like.
        units: width of the state.
        bidirectional: whether a second layer reads from the end.
        use_cudnn: as the layer takes it.
        pooling: of the encoder.
        dtype: dtype policy.

    Returns:
        The layer.
    """
    layer = make(
        units,
        return_sequences=pooling != "last",
        use_cudnn=use_cudnn,
        dtype=dtype,
        name="recurrent",
    )
    if bidirectional:
        layer = keras.layers.Bidirectional(layer, dtype=dtype, name="bidirectional")
    return layer


def recurrent_states(layer, tokens, mask, pooling):
    """What a `recurrent_layer` makes of tokens; padding leaves its state as it was.

    Args:
        layer: the layer.
        tokens: `(B, T, D)` float.
        mask: `(B, T)` bool.
        pooling: of the encoder.

    Returns:
        `(tokens, mask)`: the state after each step, or with `"last"` the final one.
    """
    states = layer(tokens, mask=mask)
    if pooling == "last":  # the layer itself returned its final state, one vector a row
        return states[:, None], ops.any(mask, axis=1, keepdims=True)
    return states, mask
