"""One convolution and an LSTM, concatenated."""

from mmzoo.heads import Sigmoid
from mmzoo.modalities import Image, Text
from mmzoo.recipes.recipe import Recipe, part


def cnn_lstm_concat():
    """A picture and a text of 100 words, yes or no.

    One convolution and an LSTM, concatenated. 100x100x3 picture: Conv2D(32, 3x3), max-pooling,
    flattened; text of 100 tokens: Embedding(10000, 64), LSTM(64), Dense(64); Dense(64, relu); one
    sigmoid; binary cross-entropy.

    Returns:
        A `Recipe` with the inputs `image` and `text`.

    Example:

    >>> import mmzoo
    >>> mmzoo.build_model("cnn_lstm_concat").output_shape
    (None, 1)

    Reference: the first of the two Keras examples mmzoo grew from.
    """
    return Recipe(
        name="cnn_lstm_concat",
        inputs={
            "image": Image(
                size=(100, 100),
                encoder=part(
                    "cnn", filters=[32], strides=1, pool_size=2, padding="valid", pooling="flatten"
                ),
            ),
            "text": Text(
                length=100,
                vocabulary_size=10_000,
                encoder=part(
                    "lstm", embedding_dim=64, units=64, pooling="last", projection_units=64
                ),
            ),
        },
        fusion=part("concat", hidden_units=[64]),
        head=Sigmoid(units=1),
    )
