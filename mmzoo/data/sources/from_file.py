"""Records of a file or folder, by its ending."""

import inspect
import os

from mmzoo.data.sources.from_csv import from_csv
from mmzoo.data.sources.from_directory import from_directory
from mmzoo.data.sources.from_jsonl import from_jsonl
from mmzoo.data.sources.from_parquet import from_parquet
from mmzoo.data.sources.from_tfrecords import from_tfrecords, has_tfrecords
from mmzoo.raw.compressed import plain_ending

#: What reads the files with these endings; all others are CSV, or TSV.
READERS = {".jsonl": from_jsonl, ".ndjson": from_jsonl, ".parquet": from_parquet}


def from_file(path, columns, label=None, root=None, **options):
    """Records of a CSV, TSV, JSON-lines or Parquet file, or of a folder, whichever `path` is.

    Args:
        path: file that ends in `.jsonl`, `.ndjson`, `.parquet` or `.tsv`, any other one of CSV, in
            small letters or capitals, and all but Parquet also compressed, such as `.csv.gz`; a
            folder as for `from_directory`; or one that `write_tfrecords` wrote, with its labels.
        columns: as in the function for that kind.
        label: likewise.
        root: folder that relative paths start from; `None`: the file's own.
        **options: likewise.

    Returns:
        `Records`.

    Raises:
        ValueError: as the function for that kind does.
        FileNotFoundError: when there is no such file.
    """
    import tensorflow as tf

    path = os.fspath(path)
    options = {name: value for name, value in options.items() if value is not None}
    if tf.io.gfile.isdir(path):
        if has_tfrecords(path):
            return from_tfrecords(path, columns, options.get("class_names"))
        return from_directory(path, columns, label, root=root, **options)
    read = _reader(path)
    known = inspect.signature(read).parameters
    for name in ("encoding", "separator"):
        if name in options and name not in known:
            raise ValueError(f"{path} is no CSV: {name}= does not apply to it.")
    return read(path, columns, label, root=root, **options)


def is_csv(path):
    """Whether `from_file` would read `path` as CSV or TSV."""
    return not os.path.isdir(path) and _reader(path) is from_csv


def _reader(path):
    return READERS.get(plain_ending(path), from_csv)
