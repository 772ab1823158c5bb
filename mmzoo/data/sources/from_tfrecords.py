"""Records of TFRecord files that `Records.write_tfrecords` wrote."""

import dataclasses
import json

import numpy as np

from mmzoo.data.records import Records
from mmzoo.data.tfrecords.tfrecord_layout import (
    DESCRIPTION,
    FORMAT_VERSION,
    LABEL,
    LISTS,
    OLDEST_VERSION,
    SAMPLE_WEIGHT,
    decode,
)
from mmzoo.raw.stored_bytes import FRAME, StoredBytes
from mmzoo.targets.label_column import LabelColumn
from mmzoo.targets.labels import aligned
from mmzoo.utils.checks import check_format_version
from mmzoo.utils.progress import track


def from_tfrecords(folder, columns=None, class_names=None):
    """Records of a folder that `records.write_tfrecords(folder)` wrote.

    Every file is read through once, and its checksums are. Texts and numbers are then in memory;
    the bytes of pictures and sounds stay in the files and are read with their rows.

    Args:
        folder: a local path or a URL that `tf.io.gfile` knows.
        columns: dict from modality name to the name of a column as it was written; `None`: all, as
            they are called.
        class_names: names of the classes in the order of their indices; `None`: as written.

    Returns:
        `Records`.

    Raises:
        FileNotFoundError: when there is no such folder, or files lack since the writing was
            interrupted; names them.
        ValueError: for a file that is damaged, names it; or an unknown column.

    Example:

    >>> import tempfile, mmzoo
    >>> folder = tempfile.mkdtemp()
    >>> mmzoo.data.from_arrays({"text": ["a cat", "a dog"]}, ["cat", "dog"]).write_tfrecords(folder)
    >>> from_tfrecords(folder).column("text")
    ['a cat', 'a dog']
    """
    import tensorflow as tf

    folder = str(folder)
    description = _description(folder)
    kinds = description["columns"]
    columns = {name: name for name in kinds} if columns is None else columns
    unknown = [column for column in columns.values() if column not in list(kinds)]
    if unknown:
        raise ValueError(f"{folder} has no column {unknown[0]!r}; it has: {', '.join(kinds)}.")
    missing = [name for name in description["shards"] if not tf.io.gfile.exists(f"{folder}/{name}")]
    if missing:
        raise FileNotFoundError(
            f"{folder} is not complete: {len(missing)} of {len(description['shards'])} files are "
            f"missing, such as {missing[0]}. Call `write_tfrecords` again: it goes on."
        )
    values = {name: [] for name in columns}
    labels, weights, starts = [], [], []
    for name in track(description["shards"], len(description["shards"]), f"Reading {folder}"):
        starts.append(len(labels))
        for offset, record in _records(f"{folder}/{name}"):
            features = tf.train.Example.FromString(record).features.feature
            for modality, column in columns.items():
                data = features[column].bytes_list.value
                values[modality].append(
                    _value(data, kinds[column], f"{folder}/{name}", offset, record)
                )
            labels.append(_label(features[LABEL], description))
            weights += features[SAMPLE_WEIGHT].float_list.value
    if len(labels) != description["rows"]:
        raise ValueError(
            f"{folder} has {len(labels)} rows, but {DESCRIPTION} says {description['rows']}."
        )

    describe = _RecordNames(folder, tuple(description["shards"]), tuple(starts))
    written, weights = description["class_names"], weights if description["sample_weight"] else None
    class_names = written if class_names is None else class_names
    if description["labels"] is None:
        return Records(values, describe=describe)
    if description["labels"] == "several answers":
        labels = {name: [label[name] for label in labels] for name in labels[0]}
        for name in description.get("label_lists", ()):
            names = written[name] and class_names.get(name, written[name])
            labels[name] = LabelColumn.of_lists(
                labels[name], names, describe, source=(name, "the labels")
            )
    if description["labels"] == "lists":
        labels = LabelColumn.of_lists(labels, written and class_names, describe)
    if description["labels"] == "numbers":
        labels = np.array(labels, "float32").reshape(-1, *description["label_shape"])
        if written is not None:
            labels = aligned(labels, written, class_names, describe)
    return Records(values, labels, class_names, weights, describe=describe)


@dataclasses.dataclass(frozen=True)
class _RecordNames:
    """What messages call the rows: the file, and the place in it."""

    folder: str
    shards: tuple
    starts: tuple

    def __call__(self, row):
        shard = int(np.searchsorted(self.starts, row, side="right")) - 1
        return f"{self.folder}/{self.shards[shard]}, record {row - self.starts[shard]}"


def has_tfrecords(folder):
    """Whether `write_tfrecords` wrote to a folder."""
    import tensorflow as tf

    return tf.io.gfile.exists(f"{folder}/{DESCRIPTION}")


def _description(folder):
    import tensorflow as tf

    if not has_tfrecords(folder):
        raise FileNotFoundError(
            f"{folder} was not written by `records.write_tfrecords`: it has no {DESCRIPTION}."
        )
    with tf.io.gfile.GFile(f"{folder}/{DESCRIPTION}") as file:
        description = json.loads(file.read())
    version = description.get("format_version")
    check_format_version(f"{folder}/{DESCRIPTION}", version, FORMAT_VERSION, OLDEST_VERSION)
    return description


def _records(path):
    """Each record of a file, and where it begins."""
    import tensorflow as tf

    offset = 0
    try:
        for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
            yield offset, record
            offset += FRAME + len(record)
    except (tf.errors.DataLossError, tf.errors.OutOfRangeError) as error:
        raise ValueError(
            f"{path} is damaged, from byte {offset} on: {error.message}. Delete it, and write the "
            "records again: only what lacks is written."
        ) from error


def _value(data, kind, path, offset, record):
    """A raw value out of the strings of its feature."""
    if kind.endswith("files"):
        items = [StoredBytes(path, offset, record.index(item), len(item)) for item in data]
    else:
        items = [decode(item, kind.removeprefix(LISTS)) for item in data]
    if kind.startswith(LISTS):
        return items
    return items[0] if items else None


def _label(feature, description):
    if description["labels"] in ("several answers", "lists"):
        return json.loads(feature.bytes_list.value[0])
    if description["labels"] == "classes":
        return description["class_names"][feature.int64_list.value[0]]
    return list(feature.float_list.value)
