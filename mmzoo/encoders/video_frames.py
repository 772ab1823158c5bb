"""An encoder of pictures over time."""

from typing import ClassVar

import keras
from keras import ops

from mmzoo.encoders.encoder import Encoder
from mmzoo.encoders.registry import get
from mmzoo.layers import PositionEmbedding, TransformerBlock, pool_tokens


@keras.saving.register_keras_serializable(package="mmzoo")
class VideoFrames(Encoder):
    """An encoder of pictures for each frame, then positions in time and transformer blocks.

    Args:
        frame_encoder: what reads a frame: `"cnn"`, `"resnet"`, `"vit"`, a config dict, or any
            Keras layer or model, as for a `mmzoo.Image`. All frames share it.
        dim: width of the tokens; divisible by `num_heads`.
        frame_pooling: what makes one token of a frame: `"mean"`, `"max"`, `"last"` or `"flatten"`;
            `None`: all tokens of all frames stay.
        temporal_positions: whether the tokens learn when they are. `False`: the frames are a set,
            such as pictures of one thing, and their order has no influence.
        depth: number of transformer blocks over the tokens of all frames.
        num_heads: attention heads a block.
        hidden_dim: width of the feed-forward networks; `None` means `4 * dim`.
        dropout: dropout rate in the blocks.
        **kwargs: `pooling`, `projection_units`, `projection_activation`, `name`, `dtype`.

    Call arguments:
        x: dict of `frames`, `(B, T, H, W, C)`, values 0-255, and `mask`, `(B, T)` bool; or the
            frames alone, all of them valid.

    Returns:
        `(tokens, mask)`: `(B, T, dim)` and `(B, T)`; without `frame_pooling` times the tokens of a
        frame.

    Raises:
        ValueError: for an unknown frame encoder, or when `num_heads` does not divide `dim`.

    Example:

    >>> import numpy as np
    >>> encoder = VideoFrames("cnn", dim=16)
    >>> tokens, mask = encoder(np.zeros((2, 5, 32, 32, 3), "float32"))
    >>> tuple(tokens.shape), tuple(mask.shape)
    ((2, 5, 16), (2, 5))

    Reference: Arnab et al. 2021, arXiv 2103.15691 (ViViT, factorised encoder).
    """

    dimensions: ClassVar = {
        "x": ("batch", "frames", "height", "width", "channels"),
        "frames": ("batch", "frames", "height", "width", "channels"),
        "mask": ("batch", "frames"),
    }

    def __init__(
        self,
        frame_encoder="cnn",
        dim=128,
        frame_pooling="mean",
        temporal_positions=True,
        depth=1,
        num_heads=4,
        hidden_dim=None,
        dropout=0.0,
        **kwargs,
    ):
        super().__init__(autocast=False, **kwargs)  # the frame encoder knows its own precision
        # Layers
        dtype = self.dtype_policy
        self.frame_encoder = get(
            frame_encoder, "image", name="frame_encoder", dtype=dtype, value_range=(0.0, 1.0)
        )
        self.dense = keras.layers.Dense(dim, dtype=dtype, name="dense")
        self.positions = (
            PositionEmbedding(dtype=dtype, name="positions") if temporal_positions else None
        )
        self.blocks = [
            TransformerBlock(dim, num_heads, hidden_dim, dropout, dtype=dtype, name=f"block_{i}")
            for i in range(depth)
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6, dtype=dtype, name="norm")
        # Config
        self.dim = dim
        self.frame_pooling = frame_pooling
        self.temporal_positions = temporal_positions
        self.depth = depth
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout

    def encode(self, x, training=None):
        if isinstance(x, dict):
            frames, mask = x["frames"], x["mask"]
        else:
            frames, mask = x, ops.ones(ops.shape(x)[:2], dtype="bool")
        count, *shape = frames.shape[1:]
        # What stands in the place of a frame must not reach the others through BatchNorm.
        there = ops.reshape(mask, (-1, count, 1, 1, 1))
        frames = ops.where(there, frames, ops.zeros_like(frames))
        tokens, valid = self.frame_encoder(ops.reshape(frames, (-1, *shape)))
        tokens, valid = pool_tokens(tokens, valid, self.frame_pooling)
        tokens = self.dense(tokens)
        each = tokens.shape[1]
        if self.positions is not None:
            tokens = self.positions(ops.reshape(tokens, (-1, count, each * self.dim)))
        tokens = ops.reshape(tokens, (-1, count * each, self.dim))
        valid = ops.reshape(valid, (-1, count, each)) & mask[..., None]
        valid = ops.reshape(valid, (-1, count * each))
        for block in self.blocks:
            tokens = block(tokens, padding_mask=valid)
        return self.norm(tokens), valid

    def get_config(self):
        return {
            **super().get_config(),
            "frame_encoder": keras.saving.serialize_keras_object(self.frame_encoder),
            "dim": self.dim,
            "frame_pooling": self.frame_pooling,
            "temporal_positions": self.temporal_positions,
            "depth": self.depth,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
        }
