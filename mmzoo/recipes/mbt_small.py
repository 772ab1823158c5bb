"""Sight and sound through a bottleneck."""

from mmzoo.heads import Softmax
from mmzoo.modalities import Audio, Image
from mmzoo.recipes.recipe import Recipe, part


def mbt_small():
    """A picture and a sound, which exchange through four tokens in the last layers; ten classes.

    MBT's mid fusion, but of 6 layers of width 192, of which 2 exchange, rather than 12 of 768, of
    which 4 do; with one frame of the video, and for the sound convolutions over log-mel frames in
    place of 16x16 patches of them.

    Returns:
        A `Recipe` with the inputs `image` (224x224) and `audio` (5 seconds).

    Example:

    >>> import mmzoo
    >>> mmzoo.build_model("mbt_small").get_layer("fusion").num_bottlenecks
    4

    Reference: Nagrani et al. 2021, arXiv 2107.00135 (MBT).
    """
    transformer = {"dim": 192, "num_heads": 3, "dropout": 0.1}
    picture = part("vit", patch_size=16, depth=4, **transformer)
    sound = part("transformer", mel_bins=128, strides=4, depth=4, **transformer)
    return Recipe(
        name="mbt_small",
        inputs={
            "image": Image(size=(224, 224), encoder=picture),
            "audio": Audio(sample_rate=16_000, seconds=5, encoder=sound),
        },
        fusion=part("bottleneck", depth=2, num_bottlenecks=4, **transformer),
        head=Softmax(units=10),
    )
