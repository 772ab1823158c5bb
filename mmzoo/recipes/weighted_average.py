"""A weighted average of two encoders."""

from mmzoo.heads import Softmax
from mmzoo.modalities import Image, Text
from mmzoo.recipes.recipe import Recipe, part


def weighted_average():
    """A picture and a text, averaged with learned weights; one class of ten.

    A small residual network's mean feature and the mean of the words' embeddings, a linear map
    each, and a weighted average of the two. The weights are a softmax over what is there: of a row
    without a picture, or without a text, the other counts in full.

    Returns:
        A `Recipe` with the inputs `image` and `text`, both optional.

    Example:

    >>> import mmzoo
    >>> model = mmzoo.build_model("weighted_average", modality_dropout=0.2)
    >>> sorted(model.input)
    ['image', 'image_present', 'text', 'text_present']

    Reference: the documents mmzoo grew from; Baltrušaitis et al. 2017, arXiv 1705.09406, section 6.
    """
    return Recipe(
        name="weighted_average",
        inputs={
            "image": Image(size=(128, 128), encoder=part("resnet", pooling="mean"), optional=True),
            "text": Text(
                length=64,
                vocabulary_size=10_000,
                encoder=part("bag", embedding_dim=128),
                optional=True,
            ),
        },
        fusion=part("weighted_sum", hidden_units=[128]),
        head=Softmax(units=10),
    )
