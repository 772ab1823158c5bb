"""A spoken question, answered in words."""

from mmzoo.heads import Words
from mmzoo.modalities import Audio, Image
from mmzoo.recipes.recipe import Recipe, part


def voice_assistant(vocabulary=None):
    """The reply to what is said, about a picture perhaps, written without a transcript in between.

    Convolutions and recurrent units over log-mel frames hear, a residual network sees where there
    is a picture, and what is heard attends to it. The decoder reads both.

    Args:
        vocabulary: the words of the replies, as `preprocessor.targets["head"].vocabulary` has
            learned them; `None`: 5,000 ids, for a preprocessor to fill.

    Returns:
        A `Recipe` with the inputs `audio` (5 seconds) and `image` (optional).

    Example:

    >>> import mmzoo
    >>> recipe = mmzoo.recipes.voice_assistant(["it", "is", "red"])
    >>> mmzoo.build_model(recipe, dim=64).output_shape
    (None, 33, 7)

    Reference: the documents mmzoo grew from; Chan et al. 2015, arXiv 1508.01211 (listen, attend and
        spell).
    """
    return Recipe(
        name="voice_assistant",
        inputs={
            "audio": Audio(sample_rate=16_000, seconds=5, encoder="crnn"),
            "image": Image(
                size=(96, 96),
                encoder=part("resnet", filters=[32, 64, 128]),
                optional=True,
            ),
        },
        fusion="cross_attention",
        head=Words(vocabulary, length=32),
    )
