"""A tag a word: a bidirectional LSTM over words and their bytes, and a chain of tags."""

from mmzoo.heads import Tags
from mmzoo.modalities import Text
from mmzoo.recipes.recipe import Recipe, part

#: Names of people, places, organisations and others, as in CoNLL 2003; to try it with.
NAMES = ("B-LOC", "B-MISC", "B-ORG", "B-PER", "I-LOC", "I-MISC", "I-ORG", "I-PER", "O")


def crf_tagger(tags=None):
    """A tag for each word of a text: parts of speech, names, the words of Chinese.

    A bidirectional LSTM over the embeddings of the words and a convolution over their bytes, which
    tells of endings and capitals; then a conditional random field, in which it counts which tag
    follows which. For Chinese give `Text(words="characters")` instead.

    Args:
        tags: the tags, as `preprocessor.targets["head"].tags` has learned them; `None`: those of
            CoNLL 2003, to try it with.

    Returns:
        A `Recipe` with the input `text`.

    Example:

    >>> import mmzoo
    >>> model = mmzoo.build_model(mmzoo.recipes.crf_tagger(["noun", "verb", "other"]), dim=64)
    >>> model.output_shape
    (None, 64, 3)

    Reference: Ma and Hovy 2016, arXiv 1603.01354 (bidirectional LSTM, CNN, CRF).
    """
    return Recipe(
        name="crf_tagger",
        inputs={
            "text": Text(
                length=64,
                vocabulary_size=20_000,
                words="spaces",
                word_bytes=16,
                encoder=part("lstm", embedding_dim=128, units=128, bidirectional=True),
            ),
        },
        fusion="concat",
        head=Tags(tags=NAMES if tags is None else tags, dropout=0.3),
    )
