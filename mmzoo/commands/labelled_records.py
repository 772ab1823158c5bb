"""labelled_records(): the rows of a file, with their labels."""

import os


def labelled_records(path, columns, label, root=None, on_error="raise", **options):
    """The rows of a file; where rows are to be skipped, without those that lack a usable label.

    Args:
        path: file or folder, as for `mmzoo.data.from_file`.
        columns: likewise.
        label: likewise: name of a column, or for several answers a list of names; or `None`.
        root: likewise.
        on_error: with `"skip"`, rows are left out, and named, of which no label is there, or none
            is a number where numbers are to be predicted.
        **options: likewise.

    Returns:
        `(records, note)`: `mmzoo.data.Records`, and what is to be said of the rows that were left
        out, or `None`.

    Raises:
        ValueError: as `from_file`; and when no row has a label.
    """
    from mmzoo.data import from_file

    try:
        return from_file(path, columns, label, root, **options), None
    except ValueError:
        if on_error != "skip" or label is None or os.path.isdir(path):
            raise
        found = _with_usable_labels(path, columns, label, root, **options)
        if found is None:  # it was something else
            raise
        return found


def _with_usable_labels(
    path, columns, label, root, regression=None, label_delimiter=None, class_names=None, **options
):
    """`(records, note)` of the rows that have a label; `None` where all have one."""
    from mmzoo.data import Records, from_file
    from mmzoo.data.bad_rows import listed

    names = [label] if isinstance(label, str) else label
    cell_columns = {f"cells of label {name}": name for name in names}
    raw = from_file(path, {**columns, **cell_columns}, root=root, **options)
    cells = [raw.columns.pop(column) for column in cell_columns]
    kinds = [regression.get(name) if isinstance(regression, dict) else regression for name in names]
    delimiters = [
        label_delimiter.get(name) if isinstance(label_delimiter, dict) else label_delimiter
        for name in names
    ]

    def read(rows):
        """The labels of some rows, a list an answer."""
        return [
            _labels(path, [column[row] for row in rows], kind, delimiter)
            for column, kind, delimiter in zip(cells, kinds, delimiters, strict=True)
        ]

    labels = read(range(len(raw)))
    good = [
        row for row, values in enumerate(zip(*labels, strict=True)) if any(map(_is_usable, values))
    ]
    if len(good) == len(raw):
        return None
    if not good:
        raise ValueError(f"Not one of the {len(raw)} rows of {path} has a label in {names}.")
    bad = sorted({*range(len(raw))} - {*good})
    note = f"No usable label in {len(bad)} of {len(raw)} rows: {listed(raw, bad)}: left out."
    records = raw.take(good)
    # Once more, for without the others they may be of another kind.
    kept = read(good)
    labels = kept[0] if isinstance(label, str) else dict(zip(names, kept, strict=True))
    options = {"root": records.root, "describe": records.describe}
    return Records(records.columns, labels, class_names, **options), note


def _labels(path, cells, regression, label_delimiter):
    """The labels in a column; `None` where there is none that can be used."""
    from mmzoo.data.sources.from_file import is_csv
    from mmzoo.targets.labels import label_values, text_label_values

    if regression:
        cells = [_number(cell) for cell in cells]
    if not is_csv(path) or regression:
        return label_values(cells, regression, label_delimiter)
    return text_label_values([cell or "" for cell in cells], regression, label_delimiter)


def _number(cell):
    """The cell, `None` where it is no number."""
    from mmzoo.raw.cells import number

    try:
        return None if number(cell) != number(cell) else cell
    except ValueError:
        return None


def _is_usable(label):
    return label is not None and not (isinstance(label, float) and label - label != 0)
