"""Tokenizers that pretrained encoders bring along, as configuration."""

from mmzoo.tokenizers.hub_preprocessor import PARTS, HubPreprocessor
from mmzoo.tokenizers.raw_strings import RawStrings
from mmzoo.tokenizers.tokenizer import Tokenizer

__all__ = ["PARTS", "HubPreprocessor", "RawStrings", "Tokenizer"]
