"""The base class of encoders: tensors of one modality -> tokens and their mask."""

from typing import ClassVar

import keras
from keras import ops

from mmzoo.layers import POOLINGS, CompositeLayer, pool_tokens


class Encoder(CompositeLayer):
    """Turns the tensors of one modality into tokens and their mask.

    A subclass implements `encode(x, training=None)`; pooling and projection are the same for all
    and live here.

    Args:
        pooling: `None` keeps all tokens; `"mean"`, `"max"`, `"last"` or `"flatten"` gives one.
        projection_units: width of a dense layer applied to every token after pooling, or `None`.
        projection_activation: activation of that layer, such as `"relu"`; `None`: linear.

    Call arguments:
        x: the modality's tensor, `(B, ...)`.

    Returns:
        `(tokens, mask)`: `(B, T, D)` float, and `(B, T)` bool, `True` where a token is valid.
    """

    input_dtypes: ClassVar = {
        "x": {"mask": "bool", "ids": "int32", "segments": "int32", "categories": "int32"}
    }
    #: The dimensions of `x`, and by key of the tensors of a dict in its place; a tensor of another
    #: rank is refused. What is not named is not checked.
    dimensions: ClassVar = {}
    #: `(height, width)` of the feature map the tokens come from, row by row; `None`: they are a
    #: line. An encoder of pictures knows it once it was called.
    grid = None

    def __init__(self, pooling=None, projection_units=None, projection_activation=None, **kwargs):
        super().__init__(**kwargs)
        if pooling is not None and pooling not in POOLINGS:
            raise ValueError(f"`pooling` must be None or one of {POOLINGS}; received: {pooling!r}.")
        self.projection = (
            keras.layers.Dense(
                projection_units,
                activation=projection_activation,
                dtype=self.dtype_policy,
                name="projection",
            )
            if projection_units
            else None
        )
        self.pooling = pooling
        self.projection_units = projection_units
        self.projection_activation = projection_activation

    def encode(self, x, training=None):
        """The tokens before pooling and projection.

        Args:
            x: the modality's tensor.
            training: whether dropout and the like are on.

        Returns:
            `(tokens, mask)`, as the layer itself.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `encode`.")

    def tokens_of_map(self, features):
        """A feature map as tokens, row by row from the top left; remembers its grid.

        Args:
            features: `(B, H, W, D)` of static height and width.

        Returns:
            `(tokens, mask)`: `(B, H * W, D)` and `(B, H * W)`.
        """
        _, height, width, channels = features.shape
        self.grid = (height, width)
        tokens = ops.reshape(features, (-1, height * width, channels))
        return tokens, ops.ones(ops.shape(tokens)[:2], dtype="bool")

    def check_ranks(self, x):
        """Raises where a tensor has another rank than the encoder takes.

        Args:
            x: what the encoder was called with.

        Raises:
            ValueError: that names the tensor, its shape and what is taken.
        """
        for name, tensor in (x if isinstance(x, dict) else {"x": x}).items():
            expected, shape = self.dimensions.get(name), getattr(tensor, "shape", None)
            if expected is None or shape is None or len(shape) == len(expected):
                continue
            hint = ""
            if len(shape) == len(expected) - 1:
                hint = " One row alone needs a batch dimension, too: `x[None]`."
            raise ValueError(
                f"{type(self).__name__} {self.name!r} takes {_described(self.dimensions)}; "
                f"received {name} of shape {tuple(shape)}.{hint}"
            )

    def call(self, x, training=None):
        self.check_ranks(x)
        tokens, mask = pool_tokens(*self.encode(x, training=training), self.pooling)
        if self.pooling is not None:
            self.grid = None
        return (tokens if self.projection is None else self.projection(tokens)), mask

    def get_config(self):
        return {
            **super().get_config(),
            "pooling": self.pooling,
            "projection_units": self.projection_units,
            "projection_activation": self.projection_activation,
        }


def _described(dimensions):
    """What an encoder takes, in words."""
    shapes = {name: f"{name} ({', '.join(names)})" for name, names in dimensions.items()}
    alone = shapes.pop("x", None)
    parts = " and ".join(shapes.values())
    if not parts:
        return alone
    return f"a dict of {parts}" if alone is None else f"{alone}, or a dict of {parts}"
