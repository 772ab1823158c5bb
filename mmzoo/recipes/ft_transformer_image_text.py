"""A table, a picture and a text in one transformer."""

from mmzoo.modalities import Image, Tabular, Text
from mmzoo.recipes.recipe import Recipe


def ft_transformer_image_text(
    numeric=(),
    categorical=(),
    *,
    size=(224, 224),
    length=64,
    vocabulary_size=10_000,
    head="sigmoid",
):
    """A picture, a text and the columns of a table, whose tokens attend to each other.

    Columns become tokens by an FT-Transformer, words by a transformer, parts of the picture by a
    ResNet; one transformer over all of them.

    Args:
        numeric: as in `mmzoo.Tabular`.
        categorical: as in `mmzoo.Tabular`.
        size: `(height, width)` of the pictures.
        length: number of tokens of a text.
        vocabulary_size: as in `mmzoo.Text`.
        head: as in `mmzoo.build_model`.

    Returns:
        A `Recipe` with the inputs `image`, `text` and `tabular`, all optional.

    Raises:
        ValueError: when the table has no columns.

    Example:

    >>> import mmzoo
    >>> recipe = mmzoo.recipes.ft_transformer_image_text(["price"], ["brand"])
    >>> mmzoo.build_model(recipe, dim=64).output_shape
    (None, 1)

    Reference: Gorishniy et al. 2021, arXiv 2106.11959 (FT-Transformer).
    """
    return Recipe(
        name="ft_transformer_image_text",
        inputs={
            "image": Image(size=size, encoder="resnet", optional=True),
            "text": Text(length, vocabulary_size, encoder="transformer", optional=True),
            "tabular": Tabular(numeric, categorical, encoder="ft_transformer", optional=True),
        },
        fusion="merged_attention",
        head=head,
    )
