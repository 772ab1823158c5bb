"""Decoding of a column, by a function that is prepared once and not in every pass."""

import tensorflow as tf

from mmzoo.preprocessing.prepared import prepared_decode


def decoder(part, column, read):
    """How the rows of a column are decoded in `tf.data`.

    Keras makes two passes an epoch, so the graph that decodes is one that a dataset need not
    prepare in each, see `mmzoo.preprocessing.prepared.Prepared`.

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
    >>> part = mmzoo.Preprocessor({"image": mmzoo.Image(size=2)}).preprocessings["image"]
    >>> column, read = part.column([np.zeros((4, 4, 3), "uint8")] * 3, root=None)
    >>> pixels, ok = decoder(part, column, read)(tf.constant([0, 2]))
    >>> pixels.shape, ok.numpy().tolist()
    (TensorShape([2, 2, 2, 3]), [True, True])
    """
    function = prepared_decode(part, column, read)
    return lambda rows: function.in_dataset(
        tf.nest.map_structure(lambda values: tf.gather(values, rows), column)
    )
