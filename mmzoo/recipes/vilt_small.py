"""Patches and words in one transformer."""

from mmzoo.heads import Softmax
from mmzoo.modalities import Image, Text
from mmzoo.recipes.recipe import Recipe, part


def vilt_small():
    """Patches of a picture and words in one transformer; one class of ten.

    Neither has a network of its own: linear maps of 32x32 patches and embeddings of 40 words, each
    with its position and a vector for its modality, and a class token that is read at the end. ViLT
    as it is, but of 6 blocks of width 192 rather than 12 of 768, without its pretraining, and with
    words in place of word pieces.

    Returns:
        A `Recipe` with the inputs `image` (224x224) and `text` (40 tokens).

    Example:

    >>> import mmzoo
    >>> model = mmzoo.build_model("vilt_small", head=mmzoo.heads.Sigmoid())  # hateful or not
    >>> model.output_shape
    (None, 1)

    Reference: Kim et al. 2021, arXiv 2102.03334 (ViLT).
    """
    width = 192
    patches = part("vit", patch_size=32, dim=width, depth=0)
    words = part("transformer", embedding_dim=width, depth=0)
    return Recipe(
        name="vilt_small",
        inputs={
            "image": Image(size=(224, 224), encoder=patches),
            "text": Text(length=40, vocabulary_size=10_000, encoder=words),
        },
        fusion=part("merged_attention", dim=width, depth=6, num_heads=3, dropout=0.1),
        head=Softmax(units=10),
    )
