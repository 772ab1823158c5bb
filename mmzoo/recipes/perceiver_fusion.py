"""A few latents that read everything."""

from mmzoo.heads import Softmax
from mmzoo.modalities import Audio, Image, Text
from mmzoo.recipes.recipe import Recipe, part


def perceiver_fusion():
    """A picture, a text and a sound, read by 64 latents; one class of ten.

    Patches, words and log-mel frames as they are, without networks of their own, each with its
    position and a vector for its modality; in each of four layers the latents read all of them and
    then each other. Any number of modalities may be added: the cost grows with the number of
    tokens, not with its square.

    Returns:
        A `Recipe` with the inputs `image` (224x224), `text` (64 tokens) and `audio` (5 seconds).

    Example:

    >>> import mmzoo
    >>> inputs = {"tabular": mmzoo.Tabular(numeric=["price"], encoder="ft_transformer")}
    >>> sorted(mmzoo.build_model("perceiver_fusion", inputs=inputs).input)
    ['audio', 'audio_mask', 'image', 'tabular', 'text']

    Reference: Jaegle et al. 2021, arXiv 2103.03206 (Perceiver).
    """
    width = 192
    patches = part("vit", patch_size=16, dim=width, depth=0)
    words = part("transformer", embedding_dim=width, depth=0)
    frames = part("transformer", dim=width, depth=0)
    return Recipe(
        name="perceiver_fusion",
        inputs={
            "image": Image(size=(224, 224), encoder=patches),
            "text": Text(length=64, vocabulary_size=10_000, encoder=words),
            "audio": Audio(sample_rate=16_000, seconds=5, encoder=frames),
        },
        fusion=part("perceiver", dim=width, depth=4, num_heads=3, num_latents=64, dropout=0.1),
        head=Softmax(units=10),
    )
