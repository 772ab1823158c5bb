"""Vectors that were computed elsewhere."""

import dataclasses
from typing import Any, ClassVar

import keras
import numpy as np

from mmzoo.modalities.modality import Modality
from mmzoo.raw.lists import parsed_numbers
from mmzoo.utils.checks import check_positive_integers


@keras.saving.register_keras_serializable(package="mmzoo")
@dataclasses.dataclass(frozen=True)
class Features(Modality):
    """A vector computed elsewhere, such as an embedding, or a sequence of them.

    Enters the model as it is: one vector as `(width,)` float32, a sequence as `vectors`,
    `(length, width)` float32, and `mask`, `(length,)` bool. A vector of NaN is padding.

    Args:
        dim: the width, or `(length, width)`: shorter sequences are padded and masked, longer ones
            cut. `length=None`: as long as the longest of the batch (every new length is another
            XLA compilation).
        encoder: `"linear"`, `"mlp"`, `"transformer"`, a config dict, or any Keras layer or model.
        optional: whether the value may be absent (raw value `None`, an empty list, or all NaN).

    Raises:
        ValueError: for impossible sizes.

    Example:

    >>> Features(512).tensors()
    {'vectors': ((512,), 'float32')}
    >>> Features((10, 512)).tensors()
    {'vectors': ((10, 512), 'float32'), 'mask': ((10,), 'bool')}
    """

    dim: Any
    encoder: Any = "linear"
    optional: bool = False

    kind: ClassVar[str] = "features"
    served: ClassVar[str] = "numbers computed elsewhere"
    strings_are_paths: ClassVar[bool] = False

    def __post_init__(self):
        dim = tuple(self.dim) if isinstance(self.dim, (list, tuple)) else (self.dim,)
        if len(dim) > 2:
            raise ValueError(f"`dim` must be a width or (length, width); received: {self.dim!r}.")
        check_positive_integers("dim", *(dim[1:] if len(dim) == 2 and dim[0] is None else dim))
        dim = tuple(None if size is None else int(size) for size in dim)
        object.__setattr__(self, "dim", dim if len(dim) == 2 else dim[0])

    @property
    def shape(self):
        """Shape of a value: `(width,)` or `(length, width)`."""
        return self.dim if isinstance(self.dim, tuple) else (self.dim,)

    def tensor(self):
        return self.shape, "float32"

    def tensors(self):
        parts = {"vectors": self.tensor()}
        return parts if len(self.shape) == 1 else {**parts, "mask": (self.shape[:1], "bool")}

    def array(self, value):
        """A raw value as an array.

        Args:
            value: list or array of numbers, or such a list as JSON or as NumPy prints it.

        Returns:
            `(width,)` or `(any length, width)` float32.

        Raises:
            ValueError: when it is no such array, or has numbers that are not finite.

        Example:

        >>> Features(2).array("[1, 0.5]").tolist(), Features(2).array("[1.  0.5]").tolist()
        ([1.0, 0.5], [1.0, 0.5])
        """
        if isinstance(value, str):
            value = parsed_numbers(value)
        try:
            array = np.asarray(value, "float32")
        except (TypeError, ValueError):
            raise ValueError("not an array of numbers, each row as wide as the others") from None
        if array.ndim != len(self.shape) or array.shape[-1] != self.shape[-1]:
            expected = self.shape if len(self.shape) == 1 else f"(any length, {self.shape[-1]})"
            raise ValueError(f"the shape is {array.shape}; expected: {expected}")
        padding = np.isnan(array).all(axis=-1, keepdims=True)
        broken = np.argwhere(~np.isfinite(array) & ~padding)
        if len(broken):
            position = tuple(broken[0].tolist())
            raise ValueError(f"{array[position]} at {list(position)} is not a finite number")
        return array

    def check_values(self, name, values, describe):
        for row, value in enumerate(values):
            try:
                if value is not None:
                    self.array(value)
            except ValueError as error:
                raise ValueError(f"{describe(row)}: {name!r}: {error}.") from None

    def preprocessing(self, name):
        from mmzoo.preprocessing.features import FeaturesPreprocessing

        return FeaturesPreprocessing(self, name)
