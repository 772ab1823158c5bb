"""A model that answers no rows, too."""


def of_any_rows(call):
    """A function that calls a model, so that it takes batches of no rows.

    Fused convolutions of TensorFlow 2.21 fail for them, so one row of zeros is put there, and its
    answer taken away. Other batches pass as they are, without a copy.

    Args:
        call: function from a dict of tensors `(B, ...)` to tensors `(B, ...)`.

    Returns:
        Such a function.

    Example:

    >>> import tensorflow as tf
    >>> double = of_any_rows(lambda tensors: 2 * tensors["x"])
    >>> double({"x": tf.zeros((0, 3))}).shape, double({"x": tf.zeros((2, 3))}).shape
    (TensorShape([0, 3]), TensorShape([2, 3]))
    """
    import tensorflow as tf

    def answer(tensors):
        rows = tf.shape(next(iter(tensors.values())))[0]

        def padded(x):
            # Each by its own rows: a text that waits for the rows of a picture waits for pixels.
            more = tf.cast(tf.shape(x)[0] == 0, tf.int32)
            paddings = tf.concat([[[0, more]], tf.zeros((x.shape.rank - 1, 2), tf.int32)], axis=0)
            return tf.ensure_shape(tf.pad(x, paddings), (None, *x.shape[1:]))

        answers = call({name: padded(x) for name, x in tensors.items()})
        return tf.nest.map_structure(lambda answer: answer[:rows], answers)

    return answer
