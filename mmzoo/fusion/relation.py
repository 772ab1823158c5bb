"""The relation network."""

import keras
from keras import ops

from mmzoo.fusion.fusion import Fusion, pick_query
from mmzoo.layers import append_coordinates, masked_mean


@keras.saving.register_keras_serializable(package="mmzoo")
class Relation(Fusion):
    """One small network over all pairs of tokens, together with the question (RN).

    `h = sum_ij g([o_i; o_j; q])`: the objects `o` are the tokens of all modalities but the query,
    with their coordinates, `q` is the query's mean token. The first layer of `g` is linear in its
    three arguments, so it is computed for each alone and added up. Pairs with padding count zero.

    Args:
        dim: width of the layers of `g` that `pair_units=None` stands for.
        pair_units: widths of the layers of `g`; `None`: four of width `dim`.
        query: name of the modality that asks; `None`: `build_model` takes the first that is text.
        grids: dict from modality name to the `(height, width)` of its tokens; the tokens of others
            are lines. `build_model` fills in those of its encoders.
        hidden_units: widths of the dense layers after the sum, the paper's `f`; `None`: one of
            width `dim`.
        **kwargs: `activation`, `dropout`, `name`, `dtype`.

    Call arguments:
        tokens: dict from modality name to `(B, T, D)`; widths may differ.
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, hidden_units[-1])`, or `(B, pair_units[-1])` without hidden units.

    Raises:
        ValueError: when there is no such query, or a grid does not fit its tokens.

    Example:

    >>> import numpy as np
    >>> tokens = {"image": np.ones((2, 4, 8), "float32"), "text": np.ones((2, 3, 6), "float32")}
    >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
    >>> block = Relation(dim=16, query="text", grids={"image": (2, 2)})
    >>> tuple(block(tokens, mask).shape)
    (2, 16)

    Formula: h = f(sum_ij g([o_i; o_j; q]))
    Reference: Santoro et al. 2017, arXiv 1706.01427 (RN).
    Choose when: the answer lies in relations between few parts of a scene.
    """

    projects = "never"
    precise = True  # a sum over thousands of pairs
    has_hidden_layer = True

    def __init__(self, dim=None, pair_units=None, query=None, grids=None, **kwargs):
        super().__init__(dim=dim, **kwargs)
        self.pair_units = None if pair_units is None else tuple(pair_units)
        self.query = query
        self.grids = None if grids is None else {k: tuple(v) for k, v in grids.items()}

    def build(self, tokens_shape):
        _, self.objects = pick_query(self.query, sorted(tokens_shape))
        first, *rest = (self.dim,) * 4 if self.pair_units is None else self.pair_units
        self.first_of_pair = [
            self.make_dense(first, f"{name}_first", use_bias=False) for name in self.objects
        ]
        self.second_of_pair = [
            self.make_dense(first, f"{name}_second", use_bias=False) for name in self.objects
        ]
        self.question = self.make_dense(first, "question")
        self.pair_layers = [
            self.make_dense(units, f"pair_{i}", activation="relu") for i, units in enumerate(rest)
        ]

    def fuse(self, tokens, mask):
        query, _ = pick_query(self.query, tokens)
        grids = self.grids or {}
        placed = [append_coordinates(tokens[name], grids.get(name)) for name in self.objects]
        first, second = (
            ops.concatenate([layer(x) for layer, x in zip(layers, placed, strict=True)], axis=1)
            for layers in (self.first_of_pair, self.second_of_pair)
        )
        valid = ops.concatenate([mask[name] for name in self.objects], axis=1)
        question = self.question(masked_mean(tokens[query], mask[query]))
        pairs = ops.relu(first[:, :, None] + second[:, None] + question[:, None, None])
        for layer in self.pair_layers:
            pairs = layer(pairs)
        both = (valid[:, :, None] & valid[:, None])[..., None]
        pairs = ops.where(both, ops.cast(pairs, "float32"), 0.0)
        return ops.sum(pairs, axis=(1, 2))

    def get_config(self):
        return {
            **super().get_config(),
            "pair_units": None if self.pair_units is None else list(self.pair_units),
            "query": self.query,
            "grids": None if self.grids is None else {k: list(v) for k, v in self.grids.items()},
        }
