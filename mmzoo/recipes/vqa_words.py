"""A question about a picture, answered in words."""

from mmzoo.heads import Words
from mmzoo.modalities import Image, Text
from mmzoo.recipes.recipe import Recipe, part


def vqa_words(vocabulary=None):
    """The answer to a question about a picture, written word by word.

    The words of the question attend to the parts of the picture and these to the words; the decoder
    reads both. Beside a softmax over known answers it also puts together answers that training did
    not have.

    Args:
        vocabulary: the words of the answers, as `preprocessor.targets["head"].vocabulary` has
            learned them; `None`: 5,000 ids, for a preprocessor to fill.

    Returns:
        A `Recipe` with the inputs `image` and `text`.

    Example:

    >>> import mmzoo
    >>> recipe = mmzoo.recipes.vqa_words(["circle", "no", "red", "yes"])
    >>> mmzoo.build_model(recipe, dim=64).output_shape
    (None, 9, 8)

    Reference: Antol et al. 2015, arXiv 1505.00468; Wang et al. 2022, arXiv 2205.14100 (answers that
        are written).
    """
    return Recipe(
        name="vqa_words",
        inputs={
            "image": Image(size=(64, 64), encoder=part("resnet", filters=[32, 64, 128])),
            "text": Text(
                length=32,
                vocabulary_size=10_000,
                encoder=part("transformer", embedding_dim=128, depth=2),
            ),
        },
        fusion="cross_attention",
        head=Words(vocabulary, length=8),
    )
