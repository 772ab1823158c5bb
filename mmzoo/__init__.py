"""mmzoo: a multimodal model zoo for Keras 3 on TensorFlow."""

from mmzoo import encoders, fusion, heads, layers, recipes
from mmzoo.modalities import Image, Modality, Text
from mmzoo.model import build_model
from mmzoo.recipes import Recipe, list_models

__version__ = "0.1.0"

__all__ = [
    "Image",
    "Modality",
    "Recipe",
    "Text",
    "build_model",
    "encoders",
    "fusion",
    "heads",
    "layers",
    "list_models",
    "recipes",
]
