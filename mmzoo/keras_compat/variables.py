"""Variables that Keras is about to make."""

import contextlib
import contextvars
import math
import re
import threading

import keras
from keras.src.backend.common import global_state

#: Where Keras lists what it will make when the outermost `keras.StatelessScope` ends.
UNMADE = "uninitialized_variables"
_BOUND = contextvars.ContextVar("bound", default=None)
_LOCK, _REPLACED = threading.Lock(), []


class Bound:
    """What a model may take, and has taken so far.

    Args:
        most_bytes: how many bytes all its variables may have.
        most_layers: how many layers there may be, those inside others too.
    """

    def __init__(self, most_bytes, most_layers):
        self.most_bytes = most_bytes
        self.most_layers = most_layers
        self.bytes = self.layers = 0
        #: What was too much, in words; `None`: nothing was.
        self.exceeded = None

    def count_variable(self, path, shape, dtype):
        """Counts a variable; raises a `MemoryError` where it is too much."""
        self.bytes += math.prod(shape) * _bytes(dtype)
        if self.bytes > self.most_bytes:
            self._exceed(
                f"weights and optimizer take more than {self.most_bytes:,} bytes, with {path} of "
                f"shape {tuple(shape)} {dtype}"
            )

    def count_layer(self):
        """Counts a layer; raises a `MemoryError` where it is too much."""
        self.layers += 1
        if self.layers > self.most_layers:
            self._exceed(f"it has more than {self.most_layers:,} layers")

    def _exceed(self, how):
        self.exceeded = how
        raise MemoryError(f"Too large: {how}.")


@contextlib.contextmanager
def bounded_variables(most_bytes, most_layers):
    """Around code that makes layers of a description which one need not trust.

    A variable over the bound is refused before there is memory for it. And whatever goes wrong, no
    variable is left to be made: Keras would try that again, and fail again, whenever any other
    layer is built.

    Args:
        most_bytes: how many bytes all variables may take that this thread makes meanwhile.
        most_layers: how many layers it may make.

    Yields:
        A `Bound`. Keras wraps errors, or makes warnings of them: `exceeded` tells all the same.
    """
    bound = Bound(most_bytes, most_layers)
    unmade = list(global_state.get_global_attribute(UNMADE, []))
    token = _BOUND.set(bound)
    _start_counting()
    try:
        yield bound
    except BaseException:
        global_state.set_global_attribute(UNMADE, unmade)
        raise
    finally:
        _stop_counting()
        _BOUND.reset(token)


def _start_counting():
    """Has Keras tell of each layer, and of the shape of each variable, before it is made."""
    with _LOCK:
        if _REPLACED:
            _REPLACED.append(None)  # one more counts
            return
        owner = next(cls for cls in keras.Variable.__mro__ if "_validate_shape" in vars(cls))
        validate, new = owner._validate_shape, keras.layers.Layer.__new__

        def counted_validate(variable, shape):
            shape = validate(variable, shape)
            if _BOUND.get() is not None:
                _BOUND.get().count_variable(variable.path, shape, variable.dtype)
            return shape

        def counted_new(cls, *args, **kwargs):
            if _BOUND.get() is not None:
                _BOUND.get().count_layer()
            return new(cls, *args, **kwargs)

        owner._validate_shape = counted_validate
        keras.layers.Layer.__new__ = counted_new
        _REPLACED.append((owner, validate, new))


def _stop_counting():
    with _LOCK:
        if len(_REPLACED) > 1:
            _REPLACED.pop()
            return
        owner, validate, new = _REPLACED.pop()
        owner._validate_shape = validate
        keras.layers.Layer.__new__ = new


def _bytes(dtype):
    """Of one number: those of `"float32"` are 4, of `"bool"` 1."""
    bits = re.search(r"\d+", dtype)
    return math.ceil(int(bits.group()) / 8) if bits else 1
