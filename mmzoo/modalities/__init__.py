"""Modalities: what a raw value is. Pure configuration, usable without TensorFlow."""

from mmzoo.modalities.audio import Audio
from mmzoo.modalities.check_inputs import check_inputs
from mmzoo.modalities.features import Features
from mmzoo.modalities.image import Image
from mmzoo.modalities.modality import Modality
from mmzoo.modalities.tabular import Tabular
from mmzoo.modalities.text import Text
from mmzoo.modalities.video import Video

__all__ = ["Audio", "Features", "Image", "Modality", "Tabular", "Text", "Video", "check_inputs"]
