"""A transformer over the frames of a sound."""

import keras
from keras import ops

from mmzoo.encoders.audio_encoder import AudioEncoder
from mmzoo.layers import TransformerBlock, masked_convolution, sinusoidal_positions


@keras.saving.register_keras_serializable(package="mmzoo")
class AudioTransformer(AudioEncoder):
    """Whisper's encoder: two convolutions over time, sinusoidal positions, transformer blocks.

    Args:
        sample_rate: samples a second. `None`: that of the modality.
        augmentation: names out of `"noise"` and `"specaugment"`. `None`: those of the modality.
        dim: width of the tokens; even, divisible by `num_heads`.
        depth: number of transformer blocks.
        num_heads: attention heads a block.
        hidden_dim: width of the feed-forward networks; `None` means `4 * dim`.
        dropout: dropout rate in the blocks.
        strides: stride of the second convolution, in frames.
        **kwargs: `mel_bins`, `window_seconds`, `stride_seconds`, `pooling`, `projection_units`,
            `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: dict of `"waveform"`, `(B, samples)`, and `"mask"`; or the waveform alone.

    Returns:
        `(tokens, mask)`: `(B, T, dim)` and `(B, T)`; by default a token each 20 ms.

    Example:

    >>> import numpy as np
    >>> encoder = AudioTransformer(sample_rate=8000, mel_bins=40, dim=16, depth=1)
    >>> tokens, mask = encoder(np.zeros((2, 8000), "float32"))
    >>> tuple(tokens.shape)
    (2, 50, 16)

    Reference: Radford et al. 2022, arXiv 2212.04356.
    """

    def __init__(
        self,
        sample_rate=None,
        augmentation=None,
        dim=128,
        depth=2,
        num_heads=4,
        hidden_dim=None,
        dropout=0.0,
        strides=2,
        **kwargs,
    ):
        super().__init__(sample_rate, augmentation, **kwargs)
        if dim % 2:
            raise ValueError(f"`dim` must be even; received: {dim}.")
        # Layers
        dtype = self.dtype_policy
        self.convolutions = [
            keras.layers.Conv1D(
                dim,
                3,
                step,
                activation="gelu",
                data_format="channels_last",
                dtype=dtype,
                name=f"convolution_{i}",
            )
            for i, step in enumerate((1, strides))
        ]
        self.blocks = [
            TransformerBlock(dim, num_heads, hidden_dim, dropout, dtype=dtype, name=f"block_{i}")
            for i in range(depth)
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="norm")
        # Config
        self.dim = dim
        self.depth = depth
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.strides = strides

    def contextualize(self, frames, mask):
        tokens = frames
        for convolution in self.convolutions:
            tokens, mask = masked_convolution(convolution, tokens, mask)
        positions = sinusoidal_positions(ops.shape(tokens)[1], self.dim)
        tokens = tokens + ops.cast(positions, tokens.dtype)
        for block in self.blocks:
            tokens = block(tokens, padding_mask=mask)
        return self.norm(tokens), mask

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "depth": self.depth,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
            "strides": self.strides,
        }
