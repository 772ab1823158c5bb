"""What rows contain: the bytes of their files, and which rows have the same."""

import concurrent.futures
import hashlib
import os

import numpy as np

from mmzoo.raw.paths import exists, file_paths, open_bytes, resolve_path, shown_path
from mmzoo.raw.stored_bytes import StoredBytes
from mmzoo.utils.progress import track

#: Files read at once.
THREADS = 16
#: Files that wait to be read at most.
AT_ONCE = 1000


def holds_paths(records, name):
    """Whether the strings of a column are paths: its first one is that of a file that exists.

    Args:
        records: `mmzoo.data.Records`.
        name: a column.
    """
    paths = (file_paths(value, records.root) for value in records.column(name))
    first = next((paths for paths in paths if paths), None)
    return first is not None and exists(first[0])


def file_bytes(value, root, where):
    """The bytes of a file.

    Args:
        value: bytes, a path, or `StoredBytes`.
        root: folder that relative paths start from.
        where: what messages call the value.

    Raises:
        FileNotFoundError: when there is no such file.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, StoredBytes):
        return value.read()
    path = resolve_path(root, value)
    if not exists(path):
        raise FileNotFoundError(f"{where}: no such file: {shown_path(path)}.")
    with open_bytes(path) as file:
        return file.read()


def is_file(value, strings_are_paths):
    """Whether a raw value is a file, given as bytes or by its path."""
    if isinstance(value, str):
        return strings_are_paths
    return isinstance(value, (bytes, os.PathLike, StoredBytes))


def content_groups(records, names):
    """See `mmzoo.data.Records.content_groups`."""
    groups = list(range(len(records)))  # of each row an earlier one of its group, or itself

    def first_of(row):
        while groups[row] != row:
            groups[row] = groups[groups[row]]
            row = groups[row]
        return row

    for name in names:
        first = {}
        for row, digest in enumerate(_digests(records, name)):
            if digest is not None:
                one, other = first_of(first.setdefault(digest, row)), first_of(row)
                groups[max(one, other)] = min(one, other)
    firsts = [first_of(row) for row in range(len(records))]
    number = {row: i for i, row in enumerate(dict.fromkeys(firsts))}
    return [number[row] for row in firsts]


def _digests(records, name):
    """A digest of each value of a column, `None` where it is absent; files are read in parallel."""
    values, paths = records.column(name), holds_paths(records, name)

    def digest(row):
        value = values[row]
        return None if value is None else hashlib.sha256(content(value, row)).digest()

    def content(value, row):
        if is_file(value, paths):
            return file_bytes(value, records.root, f"{records.describe(row)}: {name!r}")
        if isinstance(value, (list, tuple)):
            return b"".join(hashlib.sha256(content(each, row)).digest() for each in value)
        if isinstance(value, np.ndarray):
            return f"{value.dtype} {value.shape} ".encode() + value.tobytes()
        return repr(value).encode()

    def digests():
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            for start in range(0, len(values), AT_ONCE):
                yield from pool.map(digest, range(len(values))[start : start + AT_ONCE])

    return list(track(digests(), len(values), f"Comparing {name}"))
