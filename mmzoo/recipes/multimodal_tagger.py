"""A tag a word of a text that comes with a picture and a sound, perhaps."""

from mmzoo.modalities import Audio, Image
from mmzoo.recipes.crf_tagger import crf_tagger
from mmzoo.recipes.recipe import Recipe, part


def multimodal_tagger(tags=None):
    """A tag for each word of a text, in the light of a picture and a sound that may come with it.

    Whether "Washington" is a person or a place the photo of a post may tell. The words, read by a
    bidirectional LSTM, attend to the parts of the picture and the frames of the sound; a gate that
    starts closed lets in what they find. Then a conditional random field, as in `crf_tagger`.

    Args:
        tags: the tags; `None`: those of CoNLL 2003, to try it with.

    Returns:
        A `Recipe` with the inputs `text`, `image` (optional) and `audio` (optional).

    Example:

    >>> import mmzoo
    >>> model = mmzoo.build_model(mmzoo.recipes.multimodal_tagger(["B-name", "I-name", "O"]))
    >>> model.output_shape
    (None, 64, 3)

    Reference: Moon et al. 2018, arXiv 1802.07862; gate: Alayrac et al. 2022, arXiv 2204.14198.
    """
    of_text = crf_tagger(tags)
    return Recipe(
        name="multimodal_tagger",
        inputs={
            **of_text.inputs,
            "image": Image(
                size=(96, 96), encoder=part("resnet", filters=[32, 64, 128]), optional=True
            ),
            "audio": Audio(sample_rate=16_000, seconds=5, encoder="cnn", optional=True),
        },
        fusion=part("gated_cross_attention", query="text"),
        head=of_text.head,
    )
