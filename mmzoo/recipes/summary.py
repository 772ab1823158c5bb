"""A long text in short."""

from mmzoo.heads import Words
from mmzoo.modalities import Image, Text
from mmzoo.recipes.recipe import Recipe, part


def summary(vocabulary=None):
    """A short text that says what a long one says, such as a title; a picture may come with it.

    As `multimodal_translation`, with more to read and less to write.

    Args:
        vocabulary: the pieces of the summaries, as `preprocessor.targets["head"].vocabulary` has
            learned them; `None`: 5,000 ids, for a preprocessor to fill.

    Returns:
        A `Recipe` with the inputs `text` and `image` (optional).

    Example:

    >>> import mmzoo
    >>> recipe = mmzoo.recipes.summary(["##s", "dress", "red"])
    >>> mmzoo.build_model(recipe, dim=64).output_shape
    (None, 33, 7)

    Reference: Rush et al. 2015, arXiv 1509.00685; with pictures: Zhu et al. 2018, "MSMO".
    """
    return Recipe(
        name="summary",
        inputs={
            "text": Text(
                length=256,
                vocabulary_size=10_000,
                encoder=part("transformer", embedding_dim=128, depth=2),
            ),
            "image": Image(
                size=(96, 96),
                encoder=part("resnet", filters=[32, 64, 128]),
                optional=True,
            ),
        },
        fusion=part("gated_cross_attention", query="text"),
        head=Words(vocabulary, length=32, unit="wordpiece"),
    )
