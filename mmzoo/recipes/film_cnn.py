"""A question that steers a convolutional network."""

from mmzoo.heads import Softmax
from mmzoo.modalities import Image, Text
from mmzoo.recipes.recipe import Recipe, part


def film_cnn():
    """A question about a picture, which steers the convolutions over it; one answer of 28.

    FiLM's network for CLEVR that is trained from raw pixels: four 4x4 convolutions of 128 channels
    and stride 2 with BatchNorm, four residual blocks modulated by the question's GRU, a maximum
    over all places and Dense(1024, relu). The GRU is 512 wide rather than 4096.

    Returns:
        A `Recipe` with the inputs `image` (224x224) and `text` (48 tokens).

    Example:

    >>> import mmzoo
    >>> mmzoo.build_model("film_cnn").get_layer("fusion").grids
    {'image': (14, 14)}

    Reference: Perez et al. 2017, arXiv 1709.07871 (FiLM); CLEVR: Johnson et al. 2016, 1612.06890.
    """
    picture = part("cnn", filters=[128] * 4, kernel_size=4, normalization="batch")
    question = part("gru", embedding_dim=200, units=512, pooling="last")
    return Recipe(
        name="film_cnn",
        inputs={
            "image": Image(size=(224, 224), encoder=picture),
            "text": Text(length=48, vocabulary_size=1_000, encoder=question),
        },
        fusion=part("film", dim=128, depth=4, hidden_units=[1024]),
        head=Softmax(units=28),
    )
