"""A text in another language, in the light of a picture."""

from mmzoo.heads import Words
from mmzoo.modalities import Image, Text
from mmzoo.recipes.recipe import Recipe, part


def multimodal_translation(vocabulary=None):
    """The translation of a text that comes with a picture, perhaps: which "bank" it is, one sees.

    A transformer reads the text, whose words attend to the parts of the picture through a gate that
    starts closed. Another one writes pieces of words, so that it can write what it never read.

    Args:
        vocabulary: the pieces of the translations, as `preprocessor.targets["head"].vocabulary` has
            learned them; `None`: 5,000 ids, for a preprocessor to fill.

    Returns:
        A `Recipe` with the inputs `text` and `image` (optional).

    Example:

    >>> import mmzoo
    >>> recipe = mmzoo.recipes.multimodal_translation(["##en", "blau", "rot"])
    >>> mmzoo.build_model(recipe, dim=64).output_shape
    (None, 65, 7)

    Reference: Elliott et al. 2016, arXiv 1605.00459 (Multi30K); gate: Alayrac et al. 2022, arXiv
        2204.14198.
    """
    return Recipe(
        name="multimodal_translation",
        inputs={
            "text": Text(
                length=64,
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
        head=Words(vocabulary, length=64, unit="wordpiece"),
    )
