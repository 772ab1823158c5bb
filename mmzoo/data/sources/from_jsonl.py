"""Records of a file of JSON lines."""

import io
import json
import os

from mmzoo.data.row_names import ListedRowNames
from mmzoo.data.sources.rows import records_of_rows
from mmzoo.raw.compressed import open_uncompressed
from mmzoo.raw.encodings import check_encoding, check_no_utf16, decoding, wrong_encoding
from mmzoo.raw.paths import parent_folder


def from_jsonl(path, columns, label=None, root=None, encoding=None, **options):
    """Records of a file with one JSON object a line.

    Args:
        path: the file, local or any URL of `tf.io.gfile`. Empty lines do not count. It may be
            compressed, as in `from_csv`.
        columns: dict from modality name to a key of the objects, such as `{"image": "photo"}`. For
            a `mmzoo.Tabular`: a list of keys, or a dict from its columns to keys. A list of paths
            is a value as one path is: a `mmzoo.Image` takes the first. A key that a line lacks is
            an absent value.
        label: key of the labels, or `None`: strings or integers (classes), lists of strings
            (several labels a row), or floats (numbers to predict). Several answers: as in
            `mmzoo.data.from_dataframe`.
        root: folder that relative paths start from; `None`: the file's own.
        encoding: of the file; `None`: UTF-8.
        **options: `class_names`, `sample_weight`, `regression`, `label_delimiter`,
            `list_columns` and `missing_labels`, as in `mmzoo.data.from_dataframe`.

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
    check_encoding(encoding)
    numbers = []

    def rows():
        for number, row in jsonl_rows(path, encoding):
            numbers.append(number)
            yield row

    return records_of_rows(
        rows(),
        columns,
        label,
        root=parent_folder(path) if root is None else root,
        describe=ListedRowNames(numbers, f"{path}, line "),
        name=path,
        **options,
    )


def jsonl_rows(path, encoding=None):
    """The rows of a file of JSON lines, one by one.

    Args:
        path: as for `from_jsonl`; so is `encoding`.

    Yields:
        `(number of the line, dict)`.
    """
    with open_uncompressed(path) as file:
        for number, line in enumerate(_lines(file, encoding, path), start=1):
            if line.strip():
                yield number, _parsed(line, f"{path}, line {number}")


def _lines(file, encoding, path):
    """The lines of a file, as bytes where they are UTF-8, so that each can be named."""
    if encoding is None:
        check_no_utf16(f"{path}, line 1", file.peek(64)[:64])
        return file
    try:
        return io.StringIO(file.read().decode(decoding(encoding)))
    except UnicodeError as error:
        raise ValueError(f"{path} is not {encoding}: {error}. Give another encoding=.") from None


def _parsed(line, where):
    try:
        text = line if isinstance(line, str) else line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise wrong_encoding(where, line) from None
    try:
        row = json.loads(text, object_pairs_hook=_object)
    except ValueError as error:
        raise ValueError(f"{where} can't be read as JSON: {error}") from None
    if not isinstance(row, dict):
        raise ValueError(f"{where} must be a JSON object, {{...}}; received: {line[:50]!r}.")
    return row


def _object(pairs):
    """A JSON object, in which no key may be there twice."""
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(
            f"the key {next(key for key in keys if keys.count(key) > 1)!r} is there twice"
        )
    return row
