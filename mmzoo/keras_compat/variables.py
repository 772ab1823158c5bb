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
_LOCK, _ACTIVE = threading.Lock(), []


class Bound:
    """What variables may take, and have taken so far.

    Args:
        most_bytes: how many bytes at most.
    """

    def __init__(self, most_bytes):
        self.most_bytes = most_bytes
        self.bytes = 0
        #: What was to be made when it was too much, in words; `None`: it was not.
        self.exceeded = None

    def count(self, path, shape, dtype):
        """Counts a variable; raises a `MemoryError` where it is too much."""
        self.bytes += math.prod(shape) * _bytes(dtype)
        if self.bytes > self.most_bytes:
            self.exceeded = f"{path} of shape {tuple(shape)} {dtype}"
            raise MemoryError(f"Too large: {self.exceeded}.")


@contextlib.contextmanager
def bounded_variables(most_bytes):
    """Around code that makes layers of a description which one need not trust.

    A variable over the bound is refused before there is memory for it. And whatever goes wrong, no
    variable is left to be made: Keras would try that again, and fail again, whenever any other
    layer is built.

    Args:
        most_bytes: how many bytes all variables may take that this thread makes meanwhile.

    Yields:
        A `Bound`. Keras wraps errors, or makes warnings of them: `exceeded` tells all the same.
    """
    bound, unmade = Bound(most_bytes), list(global_state.get_global_attribute(UNMADE, []))
    token = _BOUND.set(bound)
    _count_variables()
    try:
        yield bound
    except BaseException:
        global_state.set_global_attribute(UNMADE, unmade)
        raise
    finally:
        _stop_counting()
        _BOUND.reset(token)


def _count_variables():
    """Has Keras tell the shape of each variable before it is made."""
    with _LOCK:
        if not _ACTIVE:
            owner = next(cls for cls in keras.Variable.__mro__ if "_validate_shape" in vars(cls))
            validate = owner._validate_shape

            def counted(variable, shape):
                shape = validate(variable, shape)
                if _BOUND.get() is not None:
                    _BOUND.get().count(variable.path, shape, variable.dtype)
                return shape

            owner._validate_shape = counted
            _ACTIVE.append((owner, validate))
        else:
            _ACTIVE.append(None)


def _stop_counting():
    with _LOCK:
        if len(_ACTIVE) == 1:
            owner, validate = _ACTIVE[0]
            owner._validate_shape = validate
        _ACTIVE.pop()


def _bytes(dtype):
    """Of one number: those of `"float32"` are 4, of `"bool"` 1."""
    bits = re.search(r"\d+", dtype)
    return math.ceil(int(bits.group()) / 8) if bits else 1
