"""Modalities: what a raw value is. Pure configuration, usable without TensorFlow."""

from mmzoo.modalities.audio import Audio
from mmzoo.modalities.check_inputs import check_inputs
from mmzoo.modalities.features import Features
from mmzoo.modalities.image import Image
from mmzoo.modalities.modality import Modality
from mmzoo.modalities.tabular import Tabular
from mmzoo.modalities.text import Text
from mmzoo.modalities.video import Video
from mmzoo.utils.identifiers import check_serializable
from mmzoo.utils.identifiers import register as add

#: The registered modalities: kind -> class.
MODALITIES = {
    "image": Image,
    "text": Text,
    "audio": Audio,
    "tabular": Tabular,
    "features": Features,
    "video": Video,
}


def register(modality):
    """Makes a modality from outside known by its kind, so that `from_directory` finds its files.

    Nothing else needs it: `mmzoo.build_model` and `mmzoo.Preprocessor` take any instance.

    Args:
        modality: a subclass of `Modality` with a `kind` of its own.

    Returns:
        The class, so that this can be a decorator.

    Raises:
        TypeError: when it is no modality.
        ValueError: when its kind is taken, is no name, or Keras could not load it.

    Example:

    >>> register(Image) is MODALITIES["image"]
    True
    """

    def check(modality):
        check_serializable("modality", modality, Modality)

    check(modality)
    return add(MODALITIES, "kind of modality", modality.kind, modality, check)


__all__ = [
    "MODALITIES",
    "Audio",
    "Features",
    "Image",
    "Modality",
    "Tabular",
    "Text",
    "Video",
    "check_inputs",
    "register",
]
