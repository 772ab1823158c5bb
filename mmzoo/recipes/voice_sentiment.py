"""The sentiment of what is said, and how."""

from mmzoo.heads import Softmax
from mmzoo.modalities import Audio, Text
from mmzoo.recipes.recipe import Recipe, part


def voice_sentiment():
    """What is said, and the voice that says it: negative, neutral or positive.

    The words through an LSTM in both directions, the voice through convolutions over its log-mel
    frames; every product of a feature of the one and a feature of the other, as irony needs them.

    Returns:
        A `Recipe` with the inputs `text` and `audio` (5 seconds).

    Example:

    >>> import mmzoo
    >>> mmzoo.build_model("voice_sentiment").get_layer("head").class_names
    ['negative', 'neutral', 'positive']

    Reference: the documents mmzoo grew from; fusion: Zadeh et al. 2017, arXiv 1707.07250 (TFN).
    """
    text = part("lstm", embedding_dim=128, units=128, bidirectional=True, pooling="last")
    return Recipe(
        name="voice_sentiment",
        inputs={
            "text": Text(length=64, vocabulary_size=10_000, encoder=text),
            "audio": Audio(sample_rate=16_000, seconds=5, encoder="cnn"),
        },
        fusion=part("tensor", subspace_dim=32, hidden_units=[128]),
        head=Softmax(class_names=["negative", "neutral", "positive"]),
    )
