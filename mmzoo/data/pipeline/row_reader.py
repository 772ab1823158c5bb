"""From raw rows to the model's inputs, by one function that a preprocessor keeps."""

import tensorflow as tf

from mmzoo.preprocessing.prepared import prepared, prepared_decode, rows_spec


def row_reader(preprocessor, columns):
    """Decoding, batching and asking what is good, as one `Prepared`.

    Predictions are made of a few rows at a time, such as the parts of a file. What they are decoded
    by is traced once for a preprocessor, not for each of them; and again when it has learned
    something else.

    Args:
        preprocessor: an adapted `mmzoo.Preprocessor`.
        columns: dict from modality name to `(column, read)`, as `part.column` returned both.

    Returns:
        A `Prepared` that takes `(taken, usable)`: dicts from modality name to a batch of rows of
        the column, and to `(B,)` bool, which of them may be used; and returns `(x, ok, decoded)`,
        see `Preprocessor.decoded_call`.

    Example:

    >>> import mmzoo
    >>> text = mmzoo.Text(length=3, vocabulary_size=9, vocabulary=["a", "cat"])
    >>> preprocessor = mmzoo.Preprocessor({"text": text})
    >>> column, read = preprocessor.preprocessings["text"].column(["a cat", "a dog"], None)
    >>> reader = row_reader(preprocessor, {"text": (column, read)})
    >>> x, ok, _ = reader(({"text": column}, {"text": tf.constant([True, False])}))
    >>> x["text"].numpy().tolist(), ok["text"].numpy().tolist()
    ([[2, 3, 0], [2, 1, 0]], [True, False])
    """
    functions = {
        name: prepared_decode(part, *columns[name])
        for name, part in preprocessor.preprocessings.items()
        if part.works_on_elements
    }

    def read_rows(values):
        taken, usable = values
        decoded, readable = {}, {}
        for name, part in preprocessor.preprocessings.items():
            # A function that was traced already is called, not traced again.
            decode = functions[name].graph if name in functions else part.decode
            decoded[name], ok = decode(taken[name])
            readable[name] = ok & usable[name]
        return (*preprocessor.checked_batch(decoded, readable), decoded)

    specs = (
        {name: tf.nest.map_structure(rows_spec, column) for name, (column, _) in columns.items()},
        {name: tf.TensorSpec([None], tf.bool) for name in columns},
    )
    key = tuple((name, read) for name, (_, read) in columns.items())
    return prepared(preprocessor.prepared_readers(), key, read_rows, specs)
