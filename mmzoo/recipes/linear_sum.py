"""The sum of linear maps."""

from mmzoo.heads import Softmax
from mmzoo.modalities import Features
from mmzoo.recipes.recipe import Recipe, part


def linear_sum():
    """Features of a picture and of a text, a linear layer each, summed; one class of ten.

    The least that two frozen backbones need on top, such as both towers of CLIP: logits that are
    linear in what was computed beforehand. The linear layers are those of `sum`.

    Returns:
        A `Recipe` with the inputs `image_features` and `text_features`, 512 numbers each.

    Example:

    >>> import mmzoo
    >>> model = mmzoo.build_model("linear_sum", dim=16, head=mmzoo.heads.Softmax(units=3))
    >>> model.count_params() == 2 * (512 * 16 + 16) + 16 * 3 + 3
    True

    Reference: the documents mmzoo grew from; features of two towers: Radford et al. 2021,
        arXiv 2103.00020 (CLIP).
    """
    as_it_is = part("linear", units=None)
    return Recipe(
        name="linear_sum",
        inputs={
            "image_features": Features(512, encoder=as_it_is),
            "text_features": Features(512, encoder=as_it_is),
        },
        fusion="sum",
        head=Softmax(units=10),
    )
