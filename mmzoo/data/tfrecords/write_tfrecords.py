"""Records -> TFRecord files that hold everything, the bytes of files included."""

import hashlib
import json

import numpy as np

from mmzoo.data.content import file_bytes, holds_paths, is_file
from mmzoo.data.tfrecords.tfrecord_layout import (
    DESCRIPTION,
    FORMAT_VERSION,
    LABEL,
    LISTS,
    OLDEST_VERSION,
    SAMPLE_WEIGHT,
    encode,
    shard_names,
)
from mmzoo.raw.stored_bytes import StoredBytes
from mmzoo.targets.label_column import ONLY
from mmzoo.utils.progress import track


def write_tfrecords(records, folder, shards=1, paths=None):
    """See `mmzoo.data.Records.write_tfrecords`."""
    import tensorflow as tf

    folder = str(folder)
    if not isinstance(shards, int) or not 1 <= shards <= len(records):
        raise ValueError(
            f"`shards` must be an integer from 1 to the number of rows, {len(records)}; received: "
            f"{shards!r}."
        )
    if paths is None:
        paths = [name for name in records.columns if holds_paths(records, name)]
    kinds = {name: _kind(records, name, name in paths) for name in records.columns}
    one_answer = not records.several_answers
    lists = [name for name, column in records.label_columns.items() if column.is_lists]
    description = {
        "format_version": FORMAT_VERSION if lists else OLDEST_VERSION,
        "rows": len(records),
        "columns": kinds,
        "labels": _label_kind(records, lists),
        "label_shape": _label_shape(records),
        "class_names": records.class_names,
        "sample_weight": records.sample_weight is not None,
        "shards": shard_names(shards),
        "fingerprint": _fingerprint(records, lists),
        **({"label_lists": lists} if lists else {}),
    }
    tf.io.gfile.makedirs(folder)
    _begin_or_go_on(folder, description)

    classes = {name: i for i, name in enumerate(records.class_names or ())} if one_answer else {}
    bounds = np.linspace(0, len(records), shards + 1).round().astype(int)
    for shard, name in enumerate(track(description["shards"], shards, f"Writing {folder}")):
        path = f"{folder}/{name}"
        if tf.io.gfile.exists(path):
            continue
        with tf.io.TFRecordWriter(f"{path}.tmp") as writer:
            for row in range(bounds[shard], bounds[shard + 1]):
                writer.write(_example(records, row, kinds, classes, lists).SerializeToString())
        tf.io.gfile.rename(f"{path}.tmp", path, overwrite=True)


def _begin_or_go_on(folder, description):
    """Writes the description, or makes sure that the one in the folder is the same."""
    import tensorflow as tf

    path = f"{folder}/{DESCRIPTION}"
    if tf.io.gfile.exists(path):
        with tf.io.gfile.GFile(path) as file:
            if json.loads(file.read()) == description:
                return
        raise ValueError(f"{folder} has TFRecord files of other rows. Choose another folder.")
    if any(not name.endswith(".tmp") for name in tf.io.gfile.listdir(folder)):
        raise FileExistsError(f"{folder} is not empty. Choose another folder.")
    with tf.io.gfile.GFile(f"{path}.tmp", "w") as file:
        file.write(json.dumps(description, ensure_ascii=False, indent=1))
    tf.io.gfile.rename(f"{path}.tmp", path, overwrite=True)


def _kind(records, name, strings_are_paths):
    """What a column holds, by its first value."""
    values = (value for value in records.column(name) if value is not None)
    value = next(values, "")
    kind = ""
    if isinstance(value, (list, tuple)) and any(_is_item(item) for item in value):
        kind, value = LISTS, next(item for item in value if _is_item(item))
    if is_file(value, strings_are_paths):
        return f"{kind}files"
    if isinstance(value, str):
        return f"{kind}texts"
    return "arrays" if isinstance(value, (np.ndarray, list, tuple)) else "cells"


def _is_item(item):
    """Whether a list with this in it is one of files or texts."""
    return is_file(item, strings_are_paths=True)


def _label_kind(records, lists):
    if not records.label_columns:
        return None
    for name, column in records.label_columns.items():
        if isinstance(column.labels, list) and not column.is_classes and name not in lists:
            raise ValueError("Labels that are files can't be written to TFRecord files.")
    if records.several_answers:
        return "several answers"
    if lists:
        return "lists"
    return "classes" if isinstance(records.labels, list) else "numbers"


def _label_shape(records):
    is_array = isinstance(records.labels, np.ndarray)
    return list(records.labels.shape[1:]) if is_array else []


def _fingerprint(records, lists):
    """A digest of values, paths and labels; not of what is in the files."""
    digest = hashlib.sha256(repr(records.root).encode())
    for name, values in records.columns.items():
        digest.update(name.encode())
        for value in values:
            digest.update(_identity(value))
    labels = [
        repr(column.raw) if name in lists else column.labels
        for name, column in records.label_columns.items()
    ] or [None]
    for values in (*labels, records.sample_weight):
        digest.update(np.asarray(values).tobytes() if values is not None else b"-")
    return digest.hexdigest()


def _identity(value):
    """What tells a value from another, in another process, too, whose spools are elsewhere."""
    if isinstance(value, StoredBytes):
        return b"%d;" % value.length
    if isinstance(value, bytes):
        return value
    if isinstance(value, (list, tuple)):
        return b"".join(map(_identity, value))
    return value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()


def _example(records, row, kinds, classes, lists):
    """A row as a `tf.train.Example`."""
    import tensorflow as tf

    features = {}
    for name, kind in kinds.items():
        value = records.columns[name][row]
        items = value if kind.startswith(LISTS) else [value]
        kind = kind.removeprefix(LISTS)
        items = [item for item in items or [] if item is not None]
        where = f"{records.describe(row)}: {name!r}"
        try:
            data = [
                file_bytes(item, records.root, where) if kind == "files" else encode(item, kind)
                for item in items
            ]
        except (TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{where} can't be written among {kind}: {error}") from error
        features[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=data))
    if records.several_answers:
        labels = {
            name: column.raw[row] if name in lists else _label(column.labels[row])
            for name, column in records.label_columns.items()
        }
        features[LABEL] = _json(labels, records.describe(row))
    elif lists:
        features[LABEL] = _json(records.label_columns[ONLY].raw[row], records.describe(row))
    elif isinstance(records.labels, list):
        index = [classes[records.labels[row]]]
        features[LABEL] = tf.train.Feature(int64_list=tf.train.Int64List(value=index))
    elif records.labels is not None:
        features[LABEL] = _floats(records.labels[row])
    if records.sample_weight is not None:
        features[SAMPLE_WEIGHT] = _floats(records.sample_weight[row])
    return tf.train.Example(features=tf.train.Features(feature=features))


def _label(label):
    """A label as JSON has it, `None` where it is missing."""
    return None if _is_missing(label) else np.asarray(label).tolist()


def _json(labels, where):
    import tensorflow as tf

    try:
        data = [encode(labels, "cells")]
    except TypeError as error:
        raise ValueError(f"{where}: the label can't be written: {error}") from error
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=data))


def _is_missing(label):
    return label is None or (not isinstance(label, str) and bool(np.any(np.isnan(label))))


def _floats(values):
    import tensorflow as tf

    return tf.train.Feature(float_list=tf.train.FloatList(value=np.ravel(values)))
