"""What a loss needs to know of a prediction beyond its values."""

import collections
import weakref


class TensorMemory:
    """A table from tensors to something that was known where they were made.

    A loss is handed the prediction and nothing else. Tracers of JAX take no attributes, so the
    latest pairs are kept here. What is remembered keeps a whole trace alive, and through it the
    tensor itself, so the table has to forget.

    Args:
        most: pairs that are kept.

    Example:

    >>> import keras
    >>> memory, tensor = TensorMemory(), keras.ops.ones((2,))
    >>> memory.remember(tensor, "known") is tensor, memory.recall(tensor)
    (True, 'known')
    """

    def __init__(self, most=32):
        self._pairs = collections.OrderedDict()  # id -> (reference to the tensor, what is known)
        self._most = most

    def remember(self, tensor, known):
        """Keeps what is known of a tensor; returns the tensor."""
        self._pairs[id(tensor)] = weakref.ref(tensor), known
        if len(self._pairs) > self._most:
            self._pairs.popitem(last=False)
        return tensor

    def recall(self, tensor):
        """What is known of that very tensor, or `None`."""
        reference, known = self._pairs.get(id(tensor), (lambda: None, None))
        return known if reference() is tensor else None
