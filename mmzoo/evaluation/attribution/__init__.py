"""Why a model answered what it answered: maps over pixels, words, frames and cells."""

from mmzoo.evaluation.attribution.attention import attention
from mmzoo.evaluation.attribution.attention_maps import AttentionMaps
from mmzoo.evaluation.attribution.attributions import attributions
from mmzoo.evaluation.attribution.results import Attributions

__all__ = ["AttentionMaps", "Attributions", "attention", "attributions"]
