"""Records of a Parquet file."""

import json
import os

import numpy as np

from mmzoo.data.row_names import RowNames
from mmzoo.data.sources.columns import wanted_columns
from mmzoo.data.sources.label_columns import label_columns
from mmzoo.data.sources.rows import records_of_rows
from mmzoo.data.table_columns import check_columns
from mmzoo.raw.paths import open_bytes, parent_folder
from mmzoo.utils.optional_packages import require


def from_parquet(path, columns, label=None, root=None, **options):
    """Records of a Parquet file. Needs the extra `mmzoo[parquet]`.

    It is read a batch of rows at a time, and the bytes of files go to a temporary file.

    Args:
        path: the file, local or any URL of `tf.io.gfile`.
        columns: dict from modality name to the name of a column, as in `from_dataframe`. Cells are
            strings, numbers, bytes (of a file), lists, or a struct of `bytes` and `path`, as
            Hugging Face stores pictures and sounds.
        label: name of the column of labels, or `None`. A file of Hugging Face's datasets brings the
            names of its classes.
        root: folder that relative paths start from; `None`: the file's own.
        **options: `class_names`, `sample_weight`, `regression`, `label_delimiter`,
            `list_columns` and `missing_labels`, as in `mmzoo.data.from_dataframe`.

    Returns:
        `Records`.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: for a file that is not Parquet, or an unknown column. Else see `Records`;
            messages count rows from 0.
        ImportError: when pyarrow is missing.

    Example:

    ```python
    records = mmzoo.data.from_parquet("rows.parquet", {"image": "photo"}, label="category")
    ```
    """
    path = os.fspath(path)
    with open_bytes(path) as opened:
        file = _parquet_file(opened, path)
        wanted = [
            *wanted_columns(columns),
            *label_columns(label).values(),
            options.get("sample_weight"),
        ]
        check_columns(path, wanted, file.schema_arrow.names)
        names = _class_names(file.schema_arrow.metadata, label)
        options = options if names is None else {"class_names": names, **options}
        batches = file.iter_batches(columns=[column for column in wanted if column is not None])
        return records_of_rows(
            (row for batch in batches for row in _rows(batch)),
            columns,
            label,
            root=parent_folder(path) if root is None else root,
            describe=RowNames(f"{path}, row "),
            name=path,
            **options,
        )


def parquet_rows(path):
    """The rows of a Parquet file, all its columns, as dicts, one by one."""
    with open_bytes(path) as opened:
        for batch in _parquet_file(opened, path).iter_batches(batch_size=1000):
            yield from _rows(batch)


def _parquet_file(opened, path):
    parquet = require("pyarrow.parquet", "parquet")
    try:
        return parquet.ParquetFile(opened)
    except require("pyarrow", "parquet").ArrowInvalid as error:
        raise ValueError(f"{path} can't be read as Parquet: {error}") from None


def _class_names(metadata, label):
    """The names of classes that a file of Hugging Face's datasets brings, or `None`."""
    try:
        about = json.loads((metadata or {})[b"huggingface"])
        feature = about["info"]["features"][label]
    except (KeyError, TypeError, ValueError):
        return None
    return feature.get("feature", feature).get("names") if isinstance(feature, dict) else None


def _rows(batch):
    """The rows of a batch as dicts."""
    narrow = [field.name for field in batch.schema if str(field.type) in ("float", "halffloat")]
    for row in batch.to_pylist():
        for name in narrow:  # whose float64 has digits that nobody wrote
            if row[name] is not None:
                row[name] = np.float32(row[name])
        yield row
