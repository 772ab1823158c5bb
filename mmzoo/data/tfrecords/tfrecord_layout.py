"""How records lie in a folder of TFRecord files, for those that write them and those that read.

`records.json` says what there is; `rows-00000-of-00008.tfrecord` and so on hold one
`tf.train.Example` a row. The feature of a column has its name, and one string: the bytes of a file,
a text in UTF-8, or whatever else as JSON or NumPy's `.npy`; a column of lists has several. An
absent value has none. `_label` is an index of a class, numbers, or JSON: a list of names, tags,
texts or spans, or with several answers a dict. `_sample_weight` is a number.
"""

import datetime
import decimal
import io
import json
import math

import numpy as np

from mmzoo.raw.cells import category

#: 2 where labels are lists that are kept as they came, else 1.
FORMAT_VERSION, OLDEST_VERSION = 2, 1
#: The file that describes a folder.
DESCRIPTION = "records.json"
LABEL, SAMPLE_WEIGHT = "_label", "_sample_weight"
#: A column holds `files`, `texts`, `cells` (JSON) or `arrays`; with this before it, lists of them.
LISTS = "lists_of_"


def shard_names(shards):
    """The names of the files.

    Example:

    >>> shard_names(2)
    ['rows-00000-of-00002.tfrecord', 'rows-00001-of-00002.tfrecord']
    """
    return [f"rows-{shard:05}-of-{shards:05}.tfrecord" for shard in range(shards)]


def encode(value, kind):
    """A value that is no file, as bytes.

    Raises a `TypeError` where it can't be written.
    """
    if kind == "texts":
        return value if isinstance(value, bytes) else value.encode()
    if kind == "arrays":
        file = io.BytesIO()
        np.save(file, np.asarray(value), allow_pickle=False)
        return file.getvalue()
    default = _plain_cell if isinstance(value, dict) else _plain
    return json.dumps(value, ensure_ascii=False, default=default).encode()


def decode(data, kind):
    """What `encode` was given.

    Example:

    >>> decode(encode({"price": 3.5, "brand": None}, "cells"), "cells")
    {'price': 3.5, 'brand': None}
    """
    if kind == "texts":
        return data.decode()
    if kind == "arrays":
        return np.load(io.BytesIO(data), allow_pickle=False)
    return json.loads(data)


def _plain_cell(value):
    """A cell of a table: a date is a category, and a text of it will do."""
    if isinstance(value, (bytes, datetime.date, decimal.Decimal, np.datetime64)):
        return category(value)
    return _plain(value)


def _plain(value):
    if isinstance(value, np.generic):
        value = value.item()
        return None if isinstance(value, float) and math.isnan(value) else value
    raise TypeError(f"{value!r} ({type(value).__name__}) can't be written as JSON.")
