"""All pairs of places of a picture, and a question."""

from mmzoo.heads import Softmax
from mmzoo.modalities import Image, Text
from mmzoo.recipes.recipe import Recipe, part


def relation_network():
    """A question about how the parts of a picture lie to each other; one answer of 28.

    RN's network for CLEVR from pixels: four 3x3 convolutions of 24 channels and stride 2 with
    BatchNorm give 8x8 objects; the question's LSTM of 128; four layers of 256 over each of the 4096
    pairs with the question, summed; Dense(256, relu) twice with dropout 0.5. A step costs time and
    memory as the square of the number of objects.

    Returns:
        A `Recipe` with the inputs `image` (128x128) and `text` (48 tokens).

    Example:

    >>> import mmzoo
    >>> mmzoo.build_model("relation_network").get_layer("fusion").grids
    {'image': (8, 8)}

    Reference: Santoro et al. 2017, arXiv 1706.01427 (RN).
    """
    picture = part("cnn", filters=[24] * 4, normalization="batch")
    question = part("lstm", embedding_dim=32, units=128, pooling="last")
    return Recipe(
        name="relation_network",
        inputs={
            "image": Image(size=(128, 128), encoder=picture),
            "text": Text(length=48, vocabulary_size=1_000, encoder=question),
        },
        fusion=part("relation", pair_units=[256] * 4, hidden_units=[256, 256], dropout=0.5),
        head=Softmax(units=28),
    )
