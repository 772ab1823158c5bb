"""Weights that an exported model stores in fewer bits."""

import keras
import numpy as np
import tensorflow as tf

from mmzoo.keras_compat import all_layers
from mmzoo.saved_model.saved_model_layer import SavedModelLayer

#: Weights with fewer numbers stay as they are: biases, scales, small kernels.
SMALLEST = 1024
#: The scales of an int8 weight take at most this share of its bytes.
MOST_SCALES = 1 / 8


class NarrowWeights(tf.Module):
    """Copies of a model's weights in float16 or int8, which a graph widens where it uses them.

    The model itself is neither changed nor copied: within `scope()` its layers read these copies.
    Matrices and kernels are narrowed; what has less than 1,024 numbers or one axis is not, nor are
    the modules of TensorFlow Hub, whose graphs read their own variables.

    An int8 weight is `round(w / scale)` from -127 to 127, with a scale for each position along the
    one axis that leaves the smallest error (mostly the outputs of a kernel, the rows of an
    embedding). Activations stay float32.

    Args:
        model: a built Keras model.
        dtype: `"float16"` or `"int8"`.

    Raises:
        ValueError: where no weight is large enough to be narrowed.
    """

    def __init__(self, model, dtype):
        super().__init__()
        self.modules = [x for x in all_layers(model) if isinstance(x, SavedModelLayer)]
        foreign = {id(variable) for layer in self.modules for variable in layer.variables}
        self._widen, self.stored = [], []
        for variable in model.variables:
            if id(variable) in foreign:
                continue
            if _is_large(variable):
                self._narrow(variable, dtype)
            else:
                self.stored.append(variable.value)
        if not self._widen:
            raise ValueError(
                f"The model has no weight of {SMALLEST} or more numbers to be stored as {dtype}."
            )

    def _narrow(self, variable, dtype):
        values = keras.ops.convert_to_numpy(variable).astype("float32")
        if dtype == "float16":
            parts = [np.clip(values, *_range("float16")).astype("float16")]
        else:
            parts = quantized(values)
        parts = [tf.Variable(part, trainable=False) for part in parts]
        self.stored += parts

        def widen():
            wide = tf.cast(parts[0], variable.dtype)
            return wide * tf.cast(parts[1], variable.dtype) if len(parts) > 1 else wide

        self._widen.append((variable, widen))

    def scope(self):
        """A scope in which the model's layers compute with the narrow weights."""
        return keras.StatelessScope([(variable, widen()) for variable, widen in self._widen])


def quantized(values):
    """A weight as 8-bit integers and their scales.

    Args:
        values: float array of rank 2 or more.

    Returns:
        `(integers, scales)`: int8 of the same shape, and float32 that broadcasts to it; their
        product is near the weight.

    Example:

    >>> kernel = np.array([[1.0, -200.0], [0.5, 300.0]] * 64)
    >>> integers, scales = quantized(kernel)
    >>> scales.shape, bool(np.allclose(integers * scales, kernel, rtol=0.01))
    ((1, 2), True)
    """
    best = None
    for axis in range(values.ndim):
        others = tuple(other for other in range(values.ndim) if other != axis)
        scales = np.abs(values).max(axis=others, keepdims=True) / 127
        scales = np.where(scales > 0, scales, 1).astype("float32")
        integers = np.round(values / scales).astype("int8")
        error = np.square(values - integers * scales).mean()
        costly = 4 * scales.size > max(MOST_SCALES * values.size, 4)
        if best is None or (costly, error) < best[0]:
            best = (costly, error), integers, scales
    return best[1:]


def _is_large(variable):
    shape = variable.shape
    return "float" in variable.dtype and len(shape) > 1 and np.prod(shape) >= SMALLEST


def _range(dtype):
    return np.finfo(dtype).min, np.finfo(dtype).max
