"""Tokenizers that pretrained encoders bring along, as configuration."""

from mmzoo.tokenizers.hub_preprocessor import PARTS, HubPreprocessor
from mmzoo.tokenizers.keras_hub_tokenizer import KerasHubTokenizer, from_keras_hub
from mmzoo.tokenizers.raw_strings import RawStrings
from mmzoo.tokenizers.token_vocabulary import TokenVocabulary
from mmzoo.tokenizers.tokenizer import Tokenizer
from mmzoo.tokenizers.vocabulary import Vocabulary
from mmzoo.tokenizers.word_piece import WordPiece

__all__ = [
    "PARTS",
    "HubPreprocessor",
    "KerasHubTokenizer",
    "RawStrings",
    "TokenVocabulary",
    "Tokenizer",
    "Vocabulary",
    "WordPiece",
    "from_keras_hub",
]
