"""Decoding of a column, by a function that is prepared once and not in every pass."""

import contextlib
import threading

import tensorflow as tf

from mmzoo.preprocessing.python_call import python_call

#: Functions that a `Preprocessing` keeps: those that were used last.
MOST_PREPARED = 8
_PREPARING = threading.Lock()


def decoder(part, column, read):
    """How the rows of a column are decoded in `tf.data`.

    A dataset prepares the graphs of its functions anew in every pass, and Keras makes two passes an
    epoch. For the graph that decodes pictures of all formats that takes a second, so it is a
    function of its own that the dataset calls as Python would.

    Args:
        part: the `mmzoo.preprocessing.Preprocessing` that decodes.
        column: `(N, ...)` tensors, and
        read: how to read one of them, as `part.column` returned both. Datasets whose `read` is
            equal share what was prepared.

    Returns:
        Function from `(B,)` int64 positions to what `part.decode` returns.

    Example:

    >>> import numpy as np
    >>> import mmzoo
    >>> part = mmzoo.Preprocessor({"image": mmzoo.Image(size=2)}).parts["image"]
    >>> column, read = part.column([np.zeros((4, 4, 3), "uint8")] * 3, root=None)
    >>> pixels, ok = decoder(part, column, read)(tf.constant([0, 2]))
    >>> pixels.shape, ok.numpy().tolist()
    (TensorShape([2, 2, 2, 3]), [True, True])
    """
    taken_specs = tf.nest.map_structure(_some_rows, column)
    function = _prepared(part, taken_specs, read)
    outputs = function.graph.structured_outputs
    specs = tf.nest.flatten(outputs, expand_composites=True)

    def call(*taken):
        taken = tf.nest.pack_sequence_as(taken_specs, taken, expand_composites=True)
        with function.turn():
            return tf.nest.flatten(function.graph(taken), expand_composites=True)

    def decode(rows):
        taken = tf.nest.map_structure(lambda values: tf.gather(values, rows), column)
        taken = tf.nest.flatten(taken, expand_composites=True)
        decoded = python_call(call, taken, [spec.dtype for spec in specs])
        for values, spec in zip(decoded, specs, strict=True):
            values.set_shape(spec.shape)
        return tf.nest.pack_sequence_as(outputs, decoded, expand_composites=True)

    return decode


def _prepared(part, specs, read):
    """`part.decode` for values of such kinds, traced."""
    known, key = part.prepared, (read, *tf.nest.flatten(specs))

    @tf.function(input_signature=[specs], autograph=False)
    def decode(taken):
        with tf.device("CPU"):
            return part.decode(taken, read)

    with _PREPARING:
        prepared = known.pop(key, None) or _Prepared(decode.get_concrete_function())
        known[key] = prepared  # at the end: what is in front was used longest ago
        if len(known) > MOST_PREPARED:
            known.pop(next(iter(known)))
    return prepared


class _Prepared:
    """A traced function, which TensorFlow prepares when it first runs; in every call of that time.

    Args:
        graph: a concrete function.
    """

    def __init__(self, graph):
        self.graph = graph
        self._first, self._has_run = threading.Lock(), False

    @contextlib.contextmanager
    def turn(self):
        """A context to call the function in: one call has it prepared, and others wait for it."""
        if self._has_run:
            yield
            return
        with self._first:
            yield
            self._has_run = True


def _some_rows(values):
    """The `tf.TypeSpec` of any number of a column's rows."""
    spec = tf.type_spec_from_value(values)
    shape = tf.TensorShape([None, *spec.shape[1:]])
    if isinstance(spec, tf.RaggedTensorSpec):
        return tf.RaggedTensorSpec(shape, spec.dtype, spec.ragged_rank, spec.row_splits_dtype)
    return tf.TensorSpec(shape, spec.dtype)
