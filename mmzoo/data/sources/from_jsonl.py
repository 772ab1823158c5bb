"""Records of a file of JSON lines."""

import json
import os

from mmzoo.data.sources.rows import records_of_rows
from mmzoo.raw.paths import open_bytes, parent_folder


def from_jsonl(path, columns, label=None, root=None, **options):
    """Records of a file with one JSON object a line, in UTF-8.

    Args:
        path: the file, local or any URL of `tf.io.gfile`. Empty lines do not count.
        columns: dict from modality name to a key of the objects, such as `{"image": "photo"}`. For
            a `mmzoo.Tabular`: a list of keys, or a dict from its columns to keys. A list of paths
            is a value as one path is: a `mmzoo.Image` takes the first. A key that a line lacks is
            an absent value.
        label: key of the labels, or `None`: strings or integers (classes), lists of strings
            (several labels a row), or floats (numbers to predict).
        root: folder that relative paths start from; `None`: the file's own.
        **options: `class_names`, `sample_weight`, `regression`, `label_delimiter` and
            `list_columns`, as in `mmzoo.data.from_dataframe`.

    Returns:
        `Records`.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: for a line that is no JSON object, naming it, an empty file, or a key that no
            line has. Else see `Records`; messages name the file and the line.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "rows.jsonl"
    >>> _ = path.write_text('{"title": "a cat", "tags": ["cat", "pet"]}\\n{"title": "a stone"}\\n')
    >>> records = from_jsonl(path, columns={"text": "title"}, label="tags")
    >>> records.class_names, records.labels.tolist()
    (['cat', 'pet'], [[1.0, 1.0], [0.0, 0.0]])
    """
    path = os.fspath(path)
    numbers = []

    def rows():
        with open_bytes(path) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    numbers.append(number)
                    yield _parsed(line, f"{path}, line {number}")

    return records_of_rows(
        rows(),
        columns,
        label,
        root=parent_folder(path) if root is None else root,
        describe=lambda row: f"{path}, line {numbers[row]}",
        name=path,
        **options,
    )


def _parsed(line, where):
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except ValueError as error:  # not JSON, or not UTF-8
        raise ValueError(f"{where} can't be read as JSON: {error}") from None
    if not isinstance(row, dict):
        raise ValueError(f"{where} must be a JSON object, {{...}}; received: {line[:50]!r}.")
    return row
