"""A convolutional and a recurrent network that predict a number."""

from mmzoo.heads import Regression
from mmzoo.modalities import Image, Text
from mmzoo.recipes.recipe import Recipe, part

#: How the two may be joined: the word for it -> fusion block.
FUSIONS = {"add": "sum", "multiply": "product", "attention": "cross_attention"}


def cnn_rnn_regression(fusion="add"):
    """A picture and a text, one number.

    A CNN's mean feature and a GRU's last state, a linear map each, added or multiplied; or
    attention between the places of the picture and the words. Dense(128, relu); one linear unit;
    mean squared error.

    Args:
        fusion: `"add"`, `"multiply"`, `"attention"`, or any fusion block as in `build_model`.

    Returns:
        A `Recipe` with the inputs `image` and `text`.

    Example:

    >>> import mmzoo
    >>> mmzoo.build_model(mmzoo.recipes.cnn_rnn_regression("attention")).output_shape
    (None, 1)

    Reference: an image and text regression out of the documents mmzoo grew from, which left open
        what the networks are.
    """
    text_pooling = "last" if fusion in ("add", "multiply") else None  # attention is to all words
    if isinstance(fusion, str) and fusion in FUSIONS:
        fusion = part(FUSIONS[fusion], hidden_units=[128])
    return Recipe(
        name="cnn_rnn_regression",
        inputs={
            "image": Image(size=(128, 128), encoder=part("cnn", filters=[32, 64, 128, 256])),
            "text": Text(
                length=64,
                vocabulary_size=10_000,
                encoder=part("gru", embedding_dim=128, units=256, pooling=text_pooling),
            ),
        },
        fusion=fusion,
        head=Regression(),
    )
