"""Signature: a function of a SavedModel, and what it takes and gives."""

import numpy as np
import tensorflow as tf

from mmzoo.serving.arrays import concatenated, fill_of


class Signature:
    """A signature that is called with arrays.

    Args:
        name: its name.
        function: the concrete function that `tf.saved_model.load` gives for it.
        takes_raw_rows: whether it is one of `mmzoo.export_savedmodel` that reads raw rows, of which
            a value may be absent.
    """

    def __init__(self, name, function, takes_raw_rows):
        self.name = name
        self._function = function
        _, specs = function.structured_input_signature
        #: Dict from the name of an input to its `tf.TensorSpec`.
        self.inputs = dict(sorted(specs.items()))
        #: Dict from the name of an output to its `tf.TensorSpec`.
        self.outputs = {
            key: tf.TensorSpec(x.shape, x.dtype)
            for key, x in sorted(function.structured_outputs.items())
        }
        self.takes_raw_rows = takes_raw_rows
        #: Whether rows of several requests may be computed together.
        self.is_batched = all(
            has_rows(spec) for spec in [*self.inputs.values(), *self.outputs.values()]
        )

    def may_be_absent(self, key):
        """Whether a row may lack the value of an input."""
        return self.takes_raw_rows and has_rows(self.inputs[key])

    def fill(self, key):
        """What rows of different sizes are filled up with; `None` where they must be alike."""
        return fill_of(self.inputs[key]) if self.may_be_absent(key) else None

    def __call__(self, batches):
        """The outputs of some rows.

        Args:
            batches: list of dicts from the name of an input to an array `(B, ...)`; they are
                computed together.

        Returns:
            Dict from the name of an output to an array; strings are bytes.
        """
        tensors = {
            key: tf.constant(concatenated([b[key] for b in batches], self.fill(key)), spec.dtype)
            for key, spec in self.inputs.items()
        }
        outputs = self._function(**tensors)
        return {key: np.asarray(outputs[key]) for key in self.outputs}


def has_rows(spec):
    """Whether the first axis of a tensor is the batch.

    Example:

    >>> has_rows(tf.TensorSpec((None, 3))), has_rows(tf.TensorSpec(())), has_rows(tf.TensorSpec(3))
    (True, False, False)
    """
    return spec.shape.rank is not None and spec.shape.rank > 0 and spec.shape[0] is None
