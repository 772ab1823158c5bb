"""The base class of the encoders of features."""

from typing import ClassVar

from keras import ops

from mmzoo.encoders.encoder import Encoder


class FeaturesEncoder(Encoder):
    """Takes one vector, or a sequence of them with its mask.

    A subclass implements `contextualize(tokens, mask)`: vectors -> tokens.

    Args:
        **kwargs: those of `mmzoo.encoders.Encoder`.

    Call arguments:
        x: `(B, D)` float; or dict of `vectors`, `(B, T, D)`, and `mask`, `(B, T)` bool.

    Returns:
        `(tokens, mask)`: `(B, T, D')` and `(B, T)`, where one vector is one token.
    """

    dimensions: ClassVar = {
        "x": ("batch", "dim"),
        "vectors": ("batch", "steps", "dim"),
        "mask": ("batch", "steps"),
    }

    def contextualize(self, tokens, mask):
        """Vectors `(B, T, D)` and their mask -> tokens `(B, T, D')`."""
        raise NotImplementedError(f"{type(self).__name__} must implement `contextualize`.")

    def encode(self, x, training=None):
        if isinstance(x, dict):
            tokens, mask = x["vectors"], x["mask"]
        else:
            tokens = x[:, None]
            mask = ops.ones(ops.shape(tokens)[:2], dtype="bool")
        return self.contextualize(tokens, mask), mask
