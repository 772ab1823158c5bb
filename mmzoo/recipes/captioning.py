"""A picture in words."""

from mmzoo.heads import Words
from mmzoo.modalities import Image
from mmzoo.recipes.recipe import Recipe, part


def captioning(vocabulary=None, decoder="transformer"):
    """A caption of a picture, word by word, each from the parts of the picture that tell it.

    A residual network keeps one token for each patch of 16x16 pixels. `decoder="gru"` is the model
    that shows, attends and tells: a recurrent network that looks at the picture anew for each word.

    Args:
        vocabulary: the words of the captions, as `preprocessor.targets["head"].vocabulary` has
            learned them; `None`: 5,000 ids, for a preprocessor to fill.
        decoder: a name of `mmzoo.decoders.names()`, a config dict or an instance.

    Returns:
        A `Recipe` with the input `image`.

    Example:

    >>> import mmzoo
    >>> recipe = mmzoo.recipes.captioning(["a", "circle", "red"], decoder="gru")
    >>> mmzoo.build_model(recipe, dim=64).output_shape  # words, and how likely each is
    (None, 33, 7)

    Reference: Vinyals et al. 2014, arXiv 1411.4555; Xu et al. 2015, arXiv 1502.03044 (the GRU).
    """
    return Recipe(
        name="captioning",
        inputs={
            "image": Image(size=(96, 96), encoder=part("resnet", filters=[32, 64, 128])),
        },
        fusion="sum",
        head=Words(vocabulary, length=32, decoder=decoder),
    )
