"""A convolutional and a recurrent network, concatenated."""

from mmzoo.heads import Softmax
from mmzoo.modalities import Image, Text
from mmzoo.recipes.recipe import Recipe, part


def cnn_rnn_concat_softmax():
    """A picture and a text of any length, one class of ten.

    A CNN over 224x224x3 and an RNN over text, each to Dense(1024, relu); concatenated; Dense(512,
    relu); softmax over 10; categorical cross-entropy. The example named its networks only `CNN` and
    `RNN`; here they are five strided convolutions with a global mean, and a GRU.

    Returns:
        A `Recipe` with the inputs `image` and `text` (variable length).

    Example:

    >>> import mmzoo
    >>> mmzoo.build_model("cnn_rnn_concat_softmax").output_shape
    (None, 10)

    Reference: the second of the two Keras examples mmzoo grew from.
    """
    to_1024 = {"projection_units": 1024, "projection_activation": "relu"}
    image = part("cnn", filters=[32, 64, 128, 256, 256], pooling="mean", **to_1024)
    text = part("gru", embedding_dim=128, units=256, pooling="last", **to_1024)
    return Recipe(
        name="cnn_rnn_concat_softmax",
        inputs={
            "image": Image(size=(224, 224), encoder=image),
            "text": Text(length=None, vocabulary_size=10_000, encoder=text),
        },
        fusion=part("concat", hidden_units=[512]),
        head=Softmax(units=10),
    )
