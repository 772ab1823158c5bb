"""A gate between a poster and a plot."""

from mmzoo.heads import Sigmoid
from mmzoo.modalities import Image, Text
from mmzoo.recipes.recipe import Recipe, part


def gmu():
    """A film's poster and plot, and a gate between them; any of 23 genres.

    GMU's network for MM-IMDb: the mean of 300 numbers a word and a picture's features, a gate of
    512 that weighs them number by number, Dense(512, relu), and a sigmoid a genre. Words and
    picture (a residual network) are learned here, where the paper has word2vec and VGG, and the
    hidden layer is rectified, where the paper's takes a maximum of two.

    Returns:
        A `Recipe` with the inputs `image` (256x160) and `text` (256 tokens).

    Example:

    >>> import mmzoo
    >>> model = mmzoo.build_model("gmu", head=mmzoo.heads.Sigmoid(units=2, class_names=["a", "b"]))
    >>> model.output_shape
    (None, 2)

    Reference: Arevalo et al. 2017, arXiv 1702.01992 (GMU).
    """
    poster = part("resnet", filters=[32, 64, 128, 256], pooling="mean")
    return Recipe(
        name="gmu",
        inputs={
            "image": Image(size=(256, 160), encoder=poster),
            "text": Text(
                length=256, vocabulary_size=10_000, encoder=part("bag", embedding_dim=300)
            ),
        },
        fusion=part("gated", dim=512, hidden_units=[512]),
        head=Sigmoid(units=23),
    )
