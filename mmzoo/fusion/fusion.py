"""The base class of fusion blocks: tokens of several modalities -> one vector."""

import keras

from mmzoo.layers import CompositeLayer, masked_mean


class Fusion(CompositeLayer):
    """Joins the tokens of one or more modalities into one vector a row.

    A subclass implements `fuse(tokens, mask, training=None)`; the hidden layers of the classifier
    are the same for all and live here. Modalities are always taken in alphabetical order, so the
    weights do not depend on the order of a dict.

    Two class attributes say what `build_model` should hand over:

    * `projects`: when every modality's tokens go through a linear map to the width `dim` first:
      `"always"`, where these maps are part of the block's definition; `"if_needed"`, where it has
      linear maps of its own and only the widths must agree; `"never"`.
    * `masks_absent`: whether an absent modality is masked out entirely (`True`) or stands as one
      learned token (`False`).

    Args:
        dim: width of the tokens, where the block wants equal widths, and of what it computes.
            `None`: that of `build_model`.
        hidden_units: widths of dense layers after the fusion, the classifier's hidden layers.
        activation: their activation.
        dropout: dropout rate before each of them and in attention blocks.

    Call arguments:
        tokens: dict from modality name to `(B, T, D)` float.
        mask: dict from modality name to `(B, T)` bool, `True` where a token is valid.

    Returns:
        `(B, D)`: the last of `hidden_units` wide, or as the block says.
    """

    projects = "always"
    masks_absent = False

    def __init__(self, dim=None, hidden_units=(), activation="relu", dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        # Layers
        self.hidden_layers = []
        for i, units in enumerate(hidden_units):
            if dropout:
                self.hidden_layers.append(
                    keras.layers.Dropout(
                        dropout, dtype=self.dtype_policy, name=f"hidden_dropout_{i}"
                    )
                )
            self.hidden_layers.append(
                keras.layers.Dense(
                    units, activation=activation, dtype=self.dtype_policy, name=f"hidden_{i}"
                )
            )
        # Config
        self.dim = dim
        self.hidden_units = tuple(hidden_units)
        self.activation = activation
        self.dropout = dropout

    def fuse(self, tokens, mask, training=None):
        """The fused vector `(B, D)`, before the hidden layers."""
        raise NotImplementedError(f"{type(self).__name__} must implement `fuse`.")

    def call(self, tokens, mask, training=None):
        names = sorted(tokens)
        fused = self.fuse(
            {name: tokens[name] for name in names},
            {name: mask[name] for name in names},
            training=training,
        )
        for layer in self.hidden_layers:
            fused = layer(fused)
        return fused

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "hidden_units": list(self.hidden_units),
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
