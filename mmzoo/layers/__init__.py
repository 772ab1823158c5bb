"""Small pure-Keras pieces that several parts share."""

from mmzoo.layers.absence import AbsentToken, NeutralInput
from mmzoo.layers.add_vector import AddVector
from mmzoo.layers.additive_noise import AdditiveNoise
from mmzoo.layers.channels_last import channels_last
from mmzoo.layers.composite_layer import CompositeLayer
from mmzoo.layers.conv_2d import Conv2D
from mmzoo.layers.coordinates import append_coordinates
from mmzoo.layers.film_block import FiLMBlock
from mmzoo.layers.log_mel_spectrogram import LogMelSpectrogram
from mmzoo.layers.masked_convolution import masked_convolution
from mmzoo.layers.masking import (
    POOLINGS,
    flatten_tokens,
    last_token,
    masked_max,
    masked_mean,
    pool_tokens,
)
from mmzoo.layers.mlp import MLP
from mmzoo.layers.modality_dropout import ModalityDropout
from mmzoo.layers.multi_head_attention import MultiHeadAttention, attend, attend_by_heads
from mmzoo.layers.position_embedding import PositionEmbedding
from mmzoo.layers.residual_block import ResidualBlock, normalization_layer
from mmzoo.layers.sinusoidal_positions import sinusoidal_positions
from mmzoo.layers.spec_augment import SpecAugment
from mmzoo.layers.transformer_block import TransformerBlock
from mmzoo.layers.whisper_log_mel import whisper_log_mel
from mmzoo.layers.word_bytes import WordBytes

__all__ = [
    "MLP",
    "POOLINGS",
    "AbsentToken",
    "AddVector",
    "AdditiveNoise",
    "CompositeLayer",
    "Conv2D",
    "FiLMBlock",
    "LogMelSpectrogram",
    "ModalityDropout",
    "MultiHeadAttention",
    "NeutralInput",
    "PositionEmbedding",
    "ResidualBlock",
    "SpecAugment",
    "TransformerBlock",
    "WordBytes",
    "append_coordinates",
    "attend",
    "attend_by_heads",
    "channels_last",
    "flatten_tokens",
    "last_token",
    "masked_convolution",
    "masked_max",
    "masked_mean",
    "normalization_layer",
    "pool_tokens",
    "sinusoidal_positions",
    "whisper_log_mel",
]
