"""Attention bottlenecks."""

import keras
from keras import ops

from mmzoo.fusion.attention_fusion import AttentionFusion
from mmzoo.fusion.reading import Reading, ReadingOrder, Stage


@keras.saving.register_keras_serializable(package="mmzoo")
class Bottleneck(AttentionFusion):
    """Modalities exchange only through a few bottleneck tokens (MBT).

    In each layer every modality's tokens, its class token and a copy of the bottleneck tokens go
    through a transformer block of that modality; the copies are then averaged. The fused vector is
    the mean of the class tokens. The cost grows linearly with the number of modalities. Within one
    it is that of self-attention; `self_attention=False` leaves that to the encoders, and the cost
    grows linearly with the number of tokens, too: they read the bottleneck, which reads them.

    Args:
        dim: common width of the tokens; divisible by `num_heads`.
        depth: number of layers.
        num_heads: attention heads a transformer block.
        hidden_dim: width of the feed-forward networks; `None` means `4 * dim`.
        num_bottlenecks: number of bottleneck tokens.
        self_attention: whether a modality's tokens attend to each other, as in the paper.
        **kwargs: `hidden_units`, `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, dim)`.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, dim)`.

    Raises:
        ValueError: for a depth of 1, in which nothing would be exchanged.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 8), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> tuple(Bottleneck(dim=8)(tokens, mask).shape)
    (2, 8)

    Formula: [c_m; b_m; x_m] <- block_m([c_m; b; x_m]) for each m; b <- mean_m b_m; h = mean_m c_m
    Reference: Nagrani et al. 2021, arXiv 2107.00135 (MBT).
    Choose when: long sequences, or modalities that should share only the essential.
    """

    def __init__(self, dim=None, depth=2, num_bottlenecks=4, self_attention=True, **kwargs):
        super().__init__(dim=dim, depth=depth, **kwargs)
        if depth < 2:
            raise ValueError(
                "'bottleneck' needs depth >= 2: what the bottleneck tokens collect in one layer is "
                f"read in the next; received depth={depth}."
            )
        self.num_bottlenecks = num_bottlenecks
        self.self_attention = self_attention

    def build(self, tokens_shape):
        super().build(tokens_shape)
        names = sorted(tokens_shape)
        initializer = keras.initializers.RandomNormal(stddev=0.02)
        self.bottleneck_tokens = self.add_weight(
            (self.num_bottlenecks, self.dim), initializer=initializer, name="bottleneck_tokens"
        )
        self.class_tokens = self.add_weight(
            (len(names), self.dim), initializer=initializer, name="class_tokens"
        )
        cross = not self.self_attention
        self.blocks = [
            [self.make_block(f"{name}_block_{i}", cross_attention=cross) for name in names]
            for i in range(self.depth)
        ]
        # Without self-attention the tokens have blocks of their own; none reads the last ones.
        self.token_blocks = [
            [self.make_block(f"{name}_token_block_{i}", cross_attention=True) for name in names]
            for i in range(self.depth - 1 if cross else 0)
        ]
        self.norm = self.make_norm()

    def fuse_tokens(self, tokens, mask):
        tokens = self.normalized(tokens)
        names = list(tokens)
        batch = ops.shape(tokens[names[0]])[0]
        shape = (batch, self.num_bottlenecks, self.dim)
        bottleneck = ops.broadcast_to(
            ops.cast(self.bottleneck_tokens, self.compute_dtype)[None], shape
        )
        class_tokens = ops.cast(self.class_tokens, self.compute_dtype)
        # A modality's latents: its class token, then its copy of the bottleneck.
        classes = [
            ops.broadcast_to(class_tokens[m], (batch, 1, self.dim)) for m in range(len(names))
        ]
        latent_mask = ops.ones((batch, 1 + self.num_bottlenecks), dtype="bool")
        for i in range(self.depth):
            copies = []
            for m, name in enumerate(names):
                latents = ops.concatenate([classes[m], bottleneck], axis=1)
                sequence = ops.concatenate([latents, tokens[name]], axis=1)
                valid = ops.concatenate([latent_mask, mask[name]], axis=1)
                if self.self_attention:
                    sequence = self.blocks[i][m](sequence, padding_mask=valid)
                    latents = sequence[:, : latents.shape[1]]
                    tokens = {**tokens, name: sequence[:, latents.shape[1] :]}
                else:
                    latents = self.blocks[i][m](latents, padding_mask=valid, context=sequence)
                    if i < self.depth - 1:
                        read = self.token_blocks[i][m](tokens[name], context=latents)
                        tokens = {**tokens, name: read}
                classes[m] = latents[:, :1]
                copies.append(latents[:, 1:])
            bottleneck = sum(copies) / len(copies)
        streams = {name: self.norm(stream) for name, stream in tokens.items()}
        return self.norm(sum(classes)[:, 0] / len(classes)), streams

    def reading_order(self, names):
        bottleneck, stages = "bottleneck tokens", []
        copies = {f"bottleneck of {name}": bottleneck for name in names}
        latents = {name: (f"class token of {name}", f"bottleneck of {name}") for name in names}
        for i in range(self.depth):
            readings = [
                Reading(
                    f"{name}_block_{i}",
                    (*latents[name], name) if self.self_attention else latents[name],
                    (*latents[name], name),
                )
                for name in names
            ]
            stages.append(Stage(tuple(readings), copies=copies))
            if not self.self_attention and i < self.depth - 1:
                readings = [
                    Reading(f"{name}_token_block_{i}", (name,), latents[name]) for name in names
                ]
                stages.append(Stage(tuple(readings)))
            stages.append(Stage(means={bottleneck: tuple(copies)}))
        classes = tuple(f"class token of {name}" for name in names)
        learned = {bottleneck: self.num_bottlenecks, **dict.fromkeys(classes, 1)}
        return ReadingOrder(stages, classes, learned)

    def get_config(self):
        return {
            **super().get_config(),
            "num_bottlenecks": self.num_bottlenecks,
            "self_attention": self.self_attention,
        }
