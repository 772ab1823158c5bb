"""Words, voice and face, each read by each."""

from mmzoo.heads import Regression
from mmzoo.modalities import Audio, Features, Text
from mmzoo.recipes.recipe import Recipe, part


def mult():
    """Words, a voice, and features of the speaker's face over time; one number, the sentiment.

    MulT's network for CMU-MOSEI, which needs no alignment of the three: each is brought to a width
    of 40 and gets positions; of every two each reads the other through four blocks of eight heads;
    a transformer block a modality; their means are joined, then Dense(40, relu). Embeddings of
    the words are learned, where the paper has GloVe, and the voice enters as log-mel frames under
    two convolutions, where it has COVAREP. The paper trains with the mean absolute error.

    Returns:
        A `Recipe` with the inputs `text` (50 tokens), `audio` (10 seconds) and `video_features`, up
        to 100 times the 35 numbers of Facet; give `inputs={"video_features": ...}` for others.

    Example:

    >>> import mmzoo
    >>> face = mmzoo.Features((20, 512), encoder="transformer")
    >>> mmzoo.build_model("mult", inputs={"video_features": face}).output_shape
    (None, 1)

    Reference: Tsai et al. 2019, arXiv 1906.00295 (MulT).
    """
    width = 40
    words = part("transformer", embedding_dim=width, depth=0)
    voice = part("transformer", dim=width, depth=0, strides=4)
    face = part("transformer", embedding_dim=width, depth=0)
    return Recipe(
        name="mult",
        inputs={
            "text": Text(length=50, vocabulary_size=10_000, encoder=words),
            "audio": Audio(sample_rate=16_000, seconds=10, encoder=voice),
            "video_features": Features((100, 35), encoder=face),
        },
        fusion=part(
            "pairwise_attention",
            dim=width,
            depth=4,
            num_heads=8,
            dropout=0.1,
            hidden_units=[width],
        ),
        head=Regression(),
    )
