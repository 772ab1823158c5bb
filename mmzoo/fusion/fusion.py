"""The base class of fusion blocks: tokens of several modalities -> one vector."""

import keras
from keras import ops

from mmzoo.layers import AddVector, CompositeLayer, masked_mean
from mmzoo.layers.masking import IMPOSSIBLE


class Fusion(CompositeLayer):
    """Joins the tokens of one or more modalities into one vector a row.

    A subclass implements `fuse(tokens, mask)`, or, where it has streams of tokens of its own,
    `fuse_tokens(tokens, mask)`; the hidden layers of the classifier are the same for all and live
    here. Modalities are always taken in alphabetical order, so the weights do not depend on the
    order of a dict.

    `fusion(tokens, mask)` gives the vector; `fusion.contextualized(tokens, mask)` gives tokens,
    too, for heads that answer about parts of an input.

    Class attributes say what a block is and what `build_model` should hand over:

    * `projects`: when every modality's tokens go through a linear map to the width `dim` first:
      `"always"`, where these maps are part of the block's definition; `"if_needed"`, where it has
      linear maps of its own and only the widths must agree; `"never"`.
    * `masks_absent`: whether an absent modality is masked out entirely (`True`) or stands as one
      learned token (`False`).
    * `has_hidden_layer`: whether `hidden_units=None` stands for one hidden layer of width `dim`
      (`True`) or for none (`False`).
    * `precise`: whether the block's result may be too large for half precision. It then returns
      float32 under every policy, and the hidden layers compute in float32.

    Args:
        dim: width of the tokens, where the block wants equal widths, and of what it computes.
            `None`: that of `build_model`.
        hidden_units: widths of dense layers after the fusion, the classifier's hidden layers;
            `None`: see `has_hidden_layer`.
        activation: their activation.
        dropout: dropout rate before each of them, or else of the fused vector; and in attention
            blocks.

    Call arguments:
        tokens: dict from modality name to `(B, T, D)` float.
        mask: dict from modality name to `(B, T)` bool, `True` where a token is valid.
        return_tokens: whether to return what `contextualized` does.

    Returns:
        `(B, D)`: the last of `hidden_units` wide, or as the block says; or `(B, M, D)`, one vector
        a modality, whose logits the head averages. With `return_tokens=True` a tuple: see
        `contextualized`.
    """

    projects = "always"
    masks_absent = False
    has_hidden_layer = False
    precise = False

    def __init__(self, dim=None, hidden_units=None, activation="relu", dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        # Config
        self.dim = dim
        self.hidden_units = None if hidden_units is None else tuple(hidden_units)
        self.activation = activation
        self.dropout = dropout
        # Layers
        if hidden_units is None:
            hidden_units = (dim,) if dim and self.has_hidden_layer else ()
        dtype = "float32" if self.precise else self.dtype_policy
        self.hidden_layers = []
        for i, units in enumerate(hidden_units or (None,)):
            if dropout:
                self.hidden_layers.append(
                    keras.layers.Dropout(dropout, dtype=dtype, name=f"hidden_dropout_{i}")
                )
            if units is not None:
                self.hidden_layers.append(
                    self.make_dense(units, f"hidden_{i}", activation=activation, dtype=dtype)
                )
        # Has no weights until tokens are asked for.
        self.add_vector = AddVector(dim, dtype=dtype, name="add_vector")

    def make_dense(self, units, name, dtype=None, **options):
        """A dense layer, of this block's precision unless it is said, as a sublayer `name`."""
        return keras.layers.Dense(units, dtype=dtype or self.dtype_policy, name=name, **options)

    def build(self, tokens_shape):
        """Nothing to build here: hidden layers get their weights as they are called."""

    def fuse(self, tokens, mask):
        """The fused vector `(B, D)`, before the hidden layers."""
        raise NotImplementedError(f"{type(self).__name__} must implement `fuse`.")

    def fuse_tokens(self, tokens, mask):
        """The fused vector, and the streams of tokens that this block computes on the way to it.

        Args:
            tokens: dict from modality name to `(B, T, D)`, in alphabetical order.
            mask: dict from modality name to `(B, T)` bool.

        Returns:
            `(fused, streams)`: what `fuse` says, and a dict from modality name to `(B, T, dim)`, of
            those modalities that have a stream.
        """
        return self.fuse(tokens, mask), {}

    def contextualized(self, tokens, mask, training=None):
        """The fused vector, and each modality's tokens in the light of the others.

        A modality whose tokens the block itself rewrites, as attention does, has these; the tokens
        of the others are brought to the width `dim`, and the fused vector is added to each. The
        vector is that of `fusion(tokens, mask)`, from the same weights.

        Args:
            tokens: dict from modality name to `(B, T, D)` float.
            mask: dict from modality name to `(B, T)` bool, `True` where a token is valid.
            training: whether dropout is on, as in every Keras layer.

        Returns:
            `(vector, tokens, mask)`: what `fusion(tokens, mask)` returns; a dict from modality name
            to `(B, T, dim)`, or as the block says; and the mask of these, which is the one that
            came.

        Example:

        >>> import mmzoo, numpy as np
        >>> tokens = {"image": np.ones((2, 4, 8)), "text": np.ones((2, 3, 6))}
        >>> mask = {"image": np.ones((2, 4), bool), "text": np.ones((2, 3), bool)}
        >>> vector, tokens, mask = mmzoo.fusion.Concat(dim=16).contextualized(tokens, mask)
        >>> {name: tuple(stream.shape) for name, stream in tokens.items()}
        {'image': (2, 4, 16), 'text': (2, 3, 16)}
        """
        options = {} if training is None else {"training": training}
        return self(tokens, mask, return_tokens=True, **options)

    def call(self, tokens, mask, return_tokens=False):
        tokens = {name: tokens[name] for name in sorted(tokens)}
        mask = {name: mask[name] for name in sorted(mask)}
        vector, streams = self.fuse_tokens(tokens, mask)
        for layer in self.hidden_layers:
            vector = layer(vector)
        if not return_tokens:
            return vector
        others = {name: tokens[name] for name in tokens if name not in streams}
        if others:
            streams = {**streams, **self.add_vector(others, vector)}
        return vector, {name: streams[name] for name in tokens}, mask

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "hidden_units": None if self.hidden_units is None else list(self.hidden_units),
            "activation": self.activation,
            "dropout": self.dropout,
        }


def pooled(tokens, mask):
    """One vector a modality: the mean of its valid tokens.

    Args:
        tokens: dict from modality name to `(B, T, D)`.
        mask: dict from modality name to `(B, T)`.

    Returns:
        List of `(B, D)`, in the order of the dict.
    """
    return [masked_mean(tokens[name], mask[name]) for name in tokens]


def present_modalities(mask):
    """Which modalities are there: those with a valid token.

    Args:
        mask: dict from modality name to `(B, T)` bool.

    Returns:
        `(B, M)` bool, in the order of the dict.
    """
    return ops.stack([ops.any(valid, axis=1) for valid in mask.values()], axis=1)


def softmax_over_present(logits, present):
    """Softmax over those that are present; zeros where none is.

    Args:
        logits: `(B, M)` or `(1, M)` float.
        present: `(B, M)` bool.

    Returns:
        `(B, M)` float32; a row sums to 1, or to 0.

    Example:

    >>> import numpy as np
    >>> softmax_over_present([[0.0, 9.0]], np.array([[True, False]])).numpy().tolist()
    [[1.0, 0.0]]
    """
    logits = ops.where(present, ops.cast(logits, "float32"), IMPOSSIBLE)
    shares = ops.exp(logits - ops.max(logits, axis=-1, keepdims=True))
    shares = ops.where(present, shares, 0.0)
    # A row that has any has one with a share of 1.
    return shares / ops.maximum(ops.sum(shares, axis=-1, keepdims=True), 1.0)


def pick_query(query, tokens):
    """Who asks and who is asked, in a directed block.

    Args:
        query: name of the modality that asks; `None` will do where there is only one.
        tokens: dict by modality name.

    Returns:
        `(query, others)`: the name, and the list of the other names; of a modality alone,
        itself.

    Raises:
        ValueError: when it is not said who asks, or there is no such modality.
    """
    names = list(tokens)
    if query is None and len(names) == 1:
        query = names[0]
    if query not in names:
        raise ValueError(
            f"This block is directed: `query` must name the modality that asks, out of {names}; "
            f"received: {query!r}."
        )
    return query, [name for name in names if name != query] or [query]
