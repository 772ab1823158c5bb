"""A long text in short."""

import dataclasses

from mmzoo.heads import Words
from mmzoo.recipes.multimodal_translation import multimodal_translation


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
    alike = multimodal_translation(vocabulary)
    return dataclasses.replace(
        alike,
        name="summary",
        inputs={**alike.inputs, "text": dataclasses.replace(alike.inputs["text"], length=256)},
        head=Words(vocabulary, length=32, unit="wordpiece"),
    )
