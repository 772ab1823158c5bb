"""Records of rows that a function or an iterable yields."""

from mmzoo.data.sources.from_tfds import from_tfds
from mmzoo.data.sources.rows import records_of_rows


def from_generator(rows, columns, label=None, root=None, **options):
    """Records of dicts that come one by one. They are run through once, now.

    Strings and numbers are kept in memory. The bytes of files go to a temporary file (in
    `tempfile.gettempdir()`, removed when Python ends), so there may be more of them than memory. To
    keep them for the next time: `records.write_tfrecords(folder)`.

    Args:
        rows: iterable of dicts from column to cell, or a function that returns one, such as a
            generator function. Cells are strings (texts, or paths), numbers, arrays, bytes (of a
            file), or lists of these. A uint8 array `(H, W, 1 to 4)` is a picture, and becomes a
            PNG, which loses nothing. A `tf.data.Dataset` is read as by `from_tfds`; a dataset of
            Hugging Face brings the names of its classes.
        columns: dict from modality name to the name of a column, as in `from_dataframe`.
        label: name of the column of labels, or `None`.
        root: folder that relative paths start from.
        **options: `class_names`, `sample_weight`, `regression`, `label_delimiter`,
            `list_columns` and `missing_labels`, as in `mmzoo.data.from_dataframe`.

    Returns:
        `Records`.

    Raises:
        TypeError: where `rows` is no iterable or a row no dict.
        ValueError: for a column that no row has. Else see `Records`; messages count rows from 0.

    Example:

    >>> def rows():
    ...     for number in range(4):
    ...         yield {"title": f"number {number}", "parity": "odd" if number % 2 else "even"}
    >>> from_generator(rows, {"text": "title"}, label="parity")
    <Records: 4 rows, text, 2 classes>
    """
    rows = rows() if callable(rows) else rows
    if not hasattr(rows, "__iter__") or isinstance(rows, (dict, str)):
        raise TypeError(
            "`rows` must be an iterable of dicts, or a function that returns one; received: "
            f"{type(rows).__name__}."
        )
    if hasattr(rows, "element_spec"):  # a `tf.data.Dataset`, whose texts are bytes as files are
        return from_tfds(rows, columns, label, root=root, **options)
    names = _class_names(rows, label)
    options = options if names is None else {"class_names": names, **options}
    return records_of_rows(rows, columns, label, root=root, name="the generator", **options)


def _class_names(rows, label):
    """The names of classes that a dataset of Hugging Face brings, or `None`."""
    features = getattr(rows, "features", None)
    feature = features.get(label) if hasattr(features, "get") else None
    return getattr(getattr(feature, "feature", feature), "names", None)
