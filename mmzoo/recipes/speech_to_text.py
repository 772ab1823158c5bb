"""What is said, as text."""

from mmzoo.heads import Transcript
from mmzoo.modalities import Audio
from mmzoo.recipes.recipe import Recipe

#: The letters of English, in lower case; the space is between words.
ENGLISH = " 'abcdefghijklmnopqrstuvwxyz"


def speech_to_text(alphabet=ENGLISH):
    """Speech, character by character, from sound alone; nobody says which sound is which letter.

    Convolutions and recurrent units in both directions over log-mel frames, one each 20 ms, and a
    distribution over the alphabet for each of them. For other inputs as context merge them in:
    `build_model("speech_to_text", inputs={"image": ...}, fusion="cross_attention")`.

    Args:
        alphabet: the characters of the texts, which are taken in lower case; or what a
            `Preprocessor` learned, see `mmzoo.heads.Transcript`.

    Returns:
        A `Recipe` with the input `audio` (10 seconds).

    Example:

    >>> import mmzoo
    >>> mmzoo.build_model("speech_to_text").output_shape  # frames, and the blank with 28 characters
    (None, 500, 29)

    Reference: Amodei et al. 2015, arXiv 1512.02595 (Deep Speech 2).
    """
    return Recipe(
        name="speech_to_text",
        inputs={"audio": Audio(sample_rate=16_000, seconds=10, encoder="crnn")},
        fusion="sum",
        head=Transcript(alphabet, lowercase=True),
    )
