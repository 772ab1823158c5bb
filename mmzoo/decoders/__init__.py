"""Decoders: what was read, and what stands so far -> what comes next."""

from mmzoo.decoders.decoder import Decoder
from mmzoo.decoders.decoder_block import DecoderBlock
from mmzoo.decoders.gated_reading import GatedReading
from mmzoo.decoders.generation import Generated, Sampling, generate
from mmzoo.decoders.gru_decoder import GRUDecoder
from mmzoo.decoders.language_model import LanguageModel
from mmzoo.decoders.transformer_decoder import TransformerDecoder
from mmzoo.utils.identifiers import check_serializable, resolve
from mmzoo.utils.identifiers import register as add

#: The registered decoders: name -> class.
DECODERS = {"transformer": TransformerDecoder, "gru": GRUDecoder}


def names():
    """The registered names, sorted.

    Example:

    >>> names()
    ['gru', 'transformer']
    """
    return sorted(DECODERS)


def register(name, decoder=None):
    """Gives a decoder from outside a name, which `mmzoo.heads.Words(decoder=...)` then takes.

    Args:
        name: the name.
        decoder: a subclass of `Decoder`, registered with Keras; `None`: a decorator is returned.

    Returns:
        The class, or the decorator.

    Raises:
        TypeError: when it is no decoder.
        ValueError: when the name is impossible or taken, or Keras could not load the decoder.

    Example:

    >>> register("gru", GRUDecoder) is DECODERS["gru"]
    True
    """

    def check(cls):
        check_serializable("decoder", cls, Decoder)

    return add(DECODERS, "decoder", name, decoder, check)


def get(identifier, **defaults):
    """Turns a string, config dict or instance into a decoder.

    Args:
        identifier: a name of `names()`, a config dict, or a `Decoder`.
        **defaults: arguments that it is made with where the config dict does not say.

    Returns:
        A `Decoder`.

    Raises:
        ValueError: for an unknown name; the message lists the known ones and the nearest.
        TypeError: for anything that is not an identifier.

    Example:

    >>> get({"class_name": "transformer", "config": {"depth": 3}}).depth
    3
    """
    return resolve(identifier, DECODERS, "decoder", Decoder, **defaults)


__all__ = [
    "DECODERS",
    "Decoder",
    "DecoderBlock",
    "GRUDecoder",
    "GatedReading",
    "Generated",
    "LanguageModel",
    "Sampling",
    "TransformerDecoder",
    "generate",
    "get",
    "names",
    "register",
]
