"""A text, a picture and a sound."""

from mmzoo.heads import Softmax
from mmzoo.modalities import Audio, Image, Text
from mmzoo.recipes.recipe import Recipe, part


def trimodal():
    """A text, a picture and a sound; one class of ten.

    The text, which may have two parts, through a transformer over the sum of word, position and
    segment embeddings; the picture through a convolutional network, the sound through one over its
    log-mel frames. The mean tokens of the three are concatenated; Dense(512, relu) is the fusion
    layer, the head the classifier. Positions are sinusoidal.

    Returns:
        A `Recipe` with the inputs `image` (128x128), `text` (64 tokens) and `audio` (5 seconds).

    Example:

    >>> import mmzoo
    >>> sorted(mmzoo.build_model("trimodal").input)
    ['audio', 'audio_mask', 'image', 'text', 'text_segments']

    Reference: the documents mmzoo grew from; embeddings: Devlin et al. 2018, arXiv 1810.04805.
    """
    return Recipe(
        name="trimodal",
        inputs={
            "image": Image(
                size=(128, 128),
                encoder=part("cnn", filters=[32, 64, 128, 256], normalization="group"),
            ),
            "text": Text(
                length=64,
                vocabulary_size=10_000,
                encoder=part("transformer", embedding_dim=256, depth=3),
                segments=2,
            ),
            "audio": Audio(sample_rate=16_000, seconds=5, encoder="cnn"),
        },
        fusion=part("concat", hidden_units=[512]),
        head=Softmax(units=10),
    )
