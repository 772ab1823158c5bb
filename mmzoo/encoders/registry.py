"""Encoders by name: what encoders that hold others, and all else, take them from."""

import keras

from mmzoo.encoders.adapter import Adapter
from mmzoo.encoders.encoder import Encoder
from mmzoo.utils.identifiers import check_serializable, resolve, unknown
from mmzoo.utils.identifiers import register as add

#: The registered encoders: kind of modality -> name -> class. `mmzoo.encoders` puts its own in.
ENCODERS = {}


def names(kind):
    """The registered encoder names of a kind of modality.

    Args:
        kind: `"image"`, `"text"`, ...

    Returns:
        A sorted list of strings.

    Raises:
        ValueError: for an unknown kind.

    Example:

    >>> names("image")
    ['cnn', 'resnet', 'vit']
    """
    if kind not in ENCODERS:
        raise unknown("kind of encoder", kind, ENCODERS)
    return sorted(ENCODERS[kind])


def register(kind, name, encoder=None):
    """Gives an encoder from outside a name, for modalities of a kind.

    Args:
        kind: kind of modality, `"image"`, `"text"`, ...; one from outside, too.
        name: the name, as a modality's `encoder=` then takes it.
        encoder: a subclass of `Encoder`, or of another Keras layer, registered with Keras; `None`:
            a decorator is returned.

    Returns:
        The class, or the decorator.

    Raises:
        TypeError: when it is no layer.
        ValueError: when the name is impossible or taken, or Keras could not load the encoder.

    Example:

    >>> from mmzoo.encoders import ImageCNN
    >>> register("image", "cnn", ImageCNN) is ENCODERS["image"]["cnn"]
    True
    """

    def check(cls):
        check_serializable("encoder", cls, keras.layers.Layer)
        ENCODERS[kind] = registry

    registry = ENCODERS.get(kind, {})
    return add(registry, f"{kind} encoder", name, encoder, check)


def get(identifier, kind, name=None, dtype=None, main_part=None, **defaults):
    """Turns a string, config dict or instance into an encoder.

    Args:
        identifier: a name of `names(kind)`, a config dict, or any Keras layer or model.
        kind: kind of modality, `"image"`, `"text"`, ...
        name: name of the layer to make.
        dtype: dtype or dtype policy of a layer made here.
        main_part: the part that a layer which is no encoder, and takes no dict, gets alone.
        **defaults: arguments the modality fills in, such as `vocabulary_size`.

    Returns:
        An `Encoder` called `name`. An instance is wrapped in an `Adapter` of that name, so that
        it keeps its own and can be shared.

    Raises:
        ValueError: for an unknown name; the message lists the known ones and the nearest.
        TypeError: for anything that is not an identifier.

    Example:

    >>> get("lstm", "text", name="title_encoder", vocabulary_size=100).name
    'title_encoder'
    """
    if identifier is None:
        raise ValueError(
            f"A modality of kind {kind!r} has no encoder. A preprocessor is saved without encoders "
            "that are layers: give `encoder=` again."
        )
    registry = ENCODERS.get(kind, {})
    encoder = resolve(
        identifier, registry, f"{kind} encoder", keras.layers.Layer, name=name, dtype=dtype,
        **defaults,
    )  # fmt: skip
    if isinstance(encoder, Adapter) and encoder.main_part is None:
        encoder.main_part = main_part
    if isinstance(encoder, Encoder) and (name is None or encoder.name == name):
        return encoder
    return Adapter(encoder, main_part=main_part, name=name, dtype=dtype)
