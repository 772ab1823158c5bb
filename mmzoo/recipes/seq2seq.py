"""A text for a text."""

from mmzoo.heads import Words
from mmzoo.modalities import Text
from mmzoo.recipes.recipe import Recipe, part


def seq2seq(vocabulary=None):
    """A text written from a text: a reply, a translation, a normal form.

    A GRU in both directions reads, another writes, and looks back at the words that were read.

    Args:
        vocabulary: the words of the answers, as `preprocessor.targets["head"].vocabulary` has
            learned them; `None`: 5,000 ids, for a preprocessor to fill.

    Returns:
        A `Recipe` with the input `text`.

    Example:

    >>> import mmzoo
    >>> recipe = mmzoo.recipes.seq2seq(["blau", "rot"])
    >>> mmzoo.build_model(recipe, dim=64).output_shape
    (None, 33, 6)

    Reference: Sutskever et al. 2014, arXiv 1409.3215; Bahdanau et al. 2014, arXiv 1409.0473.
    """
    return Recipe(
        name="seq2seq",
        inputs={
            "text": Text(
                length=32,
                vocabulary_size=10_000,
                encoder=part("gru", embedding_dim=128, units=128, bidirectional=True),
            ),
        },
        fusion="sum",
        head=Words(vocabulary, length=32, decoder="gru"),
    )
