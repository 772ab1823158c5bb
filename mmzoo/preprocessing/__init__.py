"""Preprocessing: raw values -> static tensors. What runs here is TensorFlow, imported when used."""

from mmzoo.preprocessing.preprocessor import Preprocessor

__all__ = ["Preprocessor"]
