"""Preprocessing: raw values -> static tensors. What runs here is TensorFlow, imported when used."""

from mmzoo.preprocessing.preprocessing import Preprocessing
from mmzoo.utils.deprecation import deprecated_names

__all__ = ["Preprocessing"]

__getattr__ = deprecated_names(__name__, {"Preprocessor": "mmzoo.Preprocessor"})
