"""Words, voice and face, each read by each."""

from mmzoo.heads import Regression
from mmzoo.modalities import Audio, Text, Video
from mmzoo.recipes.recipe import Recipe, part


def mult():
    """Words, a voice and a face, each read by each; one number, the sentiment.

    MulT's network for CMU-MOSEI, which needs no alignment of the three: each is brought to a width
    of 40 and gets positions; of every two each reads the other through four blocks of eight heads;
    a transformer block a modality; their means are joined, then Dense(40, relu). Where the paper
    has features made elsewhere (GloVe, COVAREP, Facet), here embeddings of the words, two
    convolutions over log-mel frames and a small residual network over the frames of the video are
    learned with the rest. The paper trains with the mean absolute error.

    Returns:
        A `Recipe` with the inputs `text` (50 tokens), `audio` (10 seconds) and `video` (16 frames,
        64x64).

    Example:

    >>> import mmzoo
    >>> facet = mmzoo.Features((100, 35), encoder="transformer")  # the paper's, of the face
    >>> mmzoo.build_model("mult", inputs={"video": facet}).output_shape
    (None, 1)

    Reference: Tsai et al. 2019, arXiv 1906.00295 (MulT).
    """
    width = 40
    words = part("transformer", embedding_dim=width, depth=0)
    voice = part("transformer", dim=width, depth=0, strides=4)
    face = part("frames", frame_encoder=part("resnet", filters=[16, 32, 64]), dim=width, depth=0)
    return Recipe(
        name="mult",
        inputs={
            "text": Text(length=50, vocabulary_size=10_000, encoder=words),
            "audio": Audio(sample_rate=16_000, seconds=10, encoder=voice),
            "video": Video(frames=16, size=(64, 64), encoder=face),
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
