"""Records of a file or folder, by its ending."""

import inspect
import os

from mmzoo.data.sources.from_conll import from_conll
from mmzoo.data.sources.from_csv import from_csv
from mmzoo.data.sources.from_directory import from_directory
from mmzoo.data.sources.from_jsonl import from_jsonl
from mmzoo.data.sources.from_parquet import from_parquet
from mmzoo.data.sources.from_tfrecords import from_tfrecords, has_tfrecords
from mmzoo.raw.compressed import plain_ending

#: What reads the files with these endings; all others are CSV, or TSV.
READERS = {
    ".jsonl": from_jsonl,
    ".ndjson": from_jsonl,
    ".parquet": from_parquet,
    **dict.fromkeys((".conll", ".conllu", ".iob", ".bio"), from_conll),
}


def from_file(path, columns, label=None, root=None, **options):
    """Records of a CSV, TSV, JSON-lines, Parquet or CoNLL file, or of a folder, as `path` is.

    Args:
        path: file that ends in `.jsonl`, `.ndjson`, `.parquet` or `.tsv`, or for CoNLL in
            `.conll`, `.conllu`, `.iob` or `.bio`, any other one of CSV, in small letters or
            capitals, and all but Parquet also compressed, such as `.csv.gz`; a folder as for
            `from_directory`; or one that `write_tfrecords` wrote, with its labels.
        columns: as in the function for that kind. Those of CoNLL may be strings, `"0"`.
        label: likewise; `None`: unlabelled, of CoNLL, too.
        root: folder that relative paths start from; `None`: the file's own.
        **options: likewise.

    Returns:
        `Records`.

    Raises:
        ValueError: as the function for that kind does; and for an option that does not apply to
            it.
        FileNotFoundError: when there is no such file.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "names.bio"
    >>> _ = path.write_text("New B-place\\nYork I-place\\nis O\\nbig O\\n")
    >>> from_file(path, {"text": 0}, label=1).labels
    [['B-place', 'I-place', 'O', 'O']]
    """
    import tensorflow as tf

    path = os.fspath(path)
    options = {name: value for name, value in options.items() if value is not None}
    if tf.io.gfile.isdir(path):
        if has_tfrecords(path):
            return from_tfrecords(path, columns, options.get("class_names"))
        return from_directory(path, columns, label, root=root, **options)
    read = _reader(path)
    if read is from_conll:
        return _of_conll(path, columns, label, root, options)
    known = inspect.signature(read).parameters
    for name in ("encoding", "separator"):
        if name in options and name not in known:
            raise ValueError(f"{path} is no CSV: {name}= does not apply to it.")
    return read(path, columns, label, root=root, **options)


def is_csv(path):
    """Whether `from_file` would read `path` as CSV or TSV."""
    return not os.path.isdir(path) and _reader(path) is from_csv


def is_conll(path):
    """Whether `from_file` would read `path` as CoNLL, whose labels are tags.

    Example:

    >>> is_conll("train.conll.gz"), is_conll("rows.csv")
    (True, False)
    """
    return not os.path.isdir(path) and _reader(path) is from_conll


def _of_conll(path, columns, label, root, options):
    """What `from_conll` reads, from options that other files may have, too."""
    options.pop("missing_labels", None)  # every word has a tag
    if isinstance(label, (list, tuple)):
        raise ValueError(
            f"{path}: the columns of a CoNLL file have no names that answers could have. Give one "
            "label, or in Python a dict, label={'pos': 1, 'names': -1}."
        )
    for name in options:
        if name not in ("separator", "comment", "encoding", "sample_weight"):
            raise ValueError(
                f"{path} is a CoNLL file, whose labels are tags: {name}= does not apply to it."
            )
    if isinstance(label, dict):
        label = {answer: _place(column) for answer, column in label.items()}
    places = {name: _place(column) for name, column in columns.items()}
    return from_conll(path, places, _place(label), root=root, **options)


def _place(column):
    """The place of a column of CoNLL, which the command line has as a string."""
    is_place = isinstance(column, str) and column.removeprefix("-").isdecimal()
    return int(column) if is_place else column


def _reader(path):
    return READERS.get(plain_ending(path), from_csv)
