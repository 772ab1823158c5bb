"""labelled_records(): the rows of a file, with their labels."""

import os
import warnings


def labelled_records(path, columns, label, root=None, on_error="raise", **options):
    """The rows of a file; where rows are to be skipped, without those that lack a usable label.

    Args:
        path: file or folder, as for `mmzoo.data.from_file`.
        columns: likewise.
        label: likewise: name of a column, or for several answers a list of names; or `None`.
        root: likewise.
        on_error: with `"skip"`, rows are left out of which no label is there, or none is a number
            where numbers are to be predicted.
        **options: likewise.

    Returns:
        `(records, note)`: `mmzoo.data.Records`, and what is to be said of the rows that were left
        out, or `None`.

    Raises:
        ValueError: as `from_file`; and when no row has a label.
    """
    from mmzoo.data import from_file

    if on_error == "skip" and label is not None and not os.path.isdir(path):
        options["missing_labels"] = "skip"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No usable label")  # the note says it
        records = from_file(path, columns, label, root, **options)
    return records, records.left_out
