"""Functions of tensors that are traced once, however many datasets or callers call them."""

import contextlib
import threading

import tensorflow as tf

from mmzoo.preprocessing.python_call import python_call

#: Functions that are kept: those that were used last.
MOST_PREPARED = 8
_PREPARING = threading.Lock()


class Prepared:
    """A traced function, which a dataset calls as Python would.

    A dataset traces its functions anew when it is made, and prepares their graphs anew in every
    pass. For the graph that decodes pictures of all formats that takes a second.

    Args:
        graph: a concrete function of one structure of tensors.
    """

    def __init__(self, graph):
        self.graph = graph
        self._first, self._has_run = threading.Lock(), False

    def __call__(self, values):
        """The function, of eager tensors."""
        with self._turn():
            return self.graph(values)

    def in_dataset(self, values, call=None):
        """The function, in the graph of a dataset.

        Args:
            values: structure of tensors.
            call: function of the same structure of eager tensors, which returns what the function
                does; `None`: the function itself.

        Returns:
            What the function returns.
        """
        outputs = self.graph.structured_outputs
        specs = tf.nest.flatten(outputs, expand_composites=True)

        def flat_call(*flat):
            packed = tf.nest.pack_sequence_as(values, flat, expand_composites=True)
            return tf.nest.flatten((call or self)(packed), expand_composites=True)

        flat = tf.nest.flatten(values, expand_composites=True)
        results = python_call(flat_call, flat, [spec.dtype for spec in specs])
        for result, spec in zip(results, specs, strict=True):
            result.set_shape(spec.shape)
        return tf.nest.pack_sequence_as(outputs, results, expand_composites=True)

    @contextlib.contextmanager
    def _turn(self):
        """The first call has TensorFlow prepare the graph, and others wait for it."""
        if self._has_run:
            yield
            return
        with self._first:
            yield
            self._has_run = True


def prepared(known, key, function, specs):
    """A function as a `Prepared`, traced unless there is one.

    Args:
        known: dict that keeps those that were used last.
        key: what the function depends on, beside the specs; hashable.
        function: function of one structure of tensors.
        specs: structure of the `tf.TypeSpec`s of its argument.

    Returns:
        A `Prepared`.

    Example:

    >>> known, specs = {}, tf.TensorSpec([None], tf.int32)
    >>> double = prepared(known, "double", lambda x: 2 * x, specs)
    >>> double(tf.constant([1, 2])).numpy().tolist()
    [2, 4]
    >>> prepared(known, "double", lambda x: 2 * x, specs) is double
    True
    """
    key = (key, *tf.nest.flatten(specs))

    @tf.function(input_signature=[specs], autograph=False)
    def on_cpu(values):
        with tf.device("CPU"):
            return function(values)

    with _PREPARING:
        found = known.pop(key, None) or Prepared(on_cpu.get_concrete_function())
        known[key] = found  # at the end: what is in front was used longest ago
        if len(known) > MOST_PREPARED:
            known.pop(next(iter(known)))
    return found


def rows_spec(values):
    """The `tf.TypeSpec` of any number of a column's rows.

    Args:
        values: `(N, ...)` tensor of the column, maybe a ragged one.
    """
    spec = tf.type_spec_from_value(values)
    shape = tf.TensorShape([None, *spec.shape[1:]])
    if isinstance(spec, tf.RaggedTensorSpec):
        return tf.RaggedTensorSpec(shape, spec.dtype, spec.ragged_rank, spec.row_splits_dtype)
    return tf.TensorSpec(shape, spec.dtype)


def prepared_decode(part, column, read=tf.identity):
    """`part.decode` as a `Prepared`, for values of the kind of a column's.

    Args:
        part: the `mmzoo.preprocessing.Preprocessing` that decodes.
        column: `(N, ...)` tensors.
        read: how to read one of them, as `part.column` returned both.
    """
    specs = tf.nest.map_structure(rows_spec, column)
    return prepared(part.prepared, read, lambda taken: part.decode(taken, read), specs)
