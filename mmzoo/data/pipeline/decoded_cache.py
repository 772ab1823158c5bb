"""Decoded values that are kept: in memory, or in files that know what they were made of."""

import hashlib
import json
import logging
import math
import os

import numpy as np
import tensorflow as tf

from mmzoo.data.pipeline.parallel_map import parallel_map, without_tuner
from mmzoo.raw.paths import is_url, resolve_path
from mmzoo.utils.atomic_files import atomic_folder

logger = logging.getLogger("mmzoo")

#: Rows that are decoded at once.
BATCH = 32
#: Changes with what the files look like.
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
#: Fields of a modality that decoding does not depend on.
IRRELEVANT = ("encoder", "augmentation")


def in_memory(decode, count):
    """Decodes every row, now.

    Args:
        decode: function from `(B,)` int64 positions to a structure of tensors.
        count: number of rows.

    Returns:
        A structure of tensors, `(count, ...)`.
    """
    batches = list(_decoded(decode, count))
    return tf.nest.map_structure(lambda *parts: tf.concat(parts, axis=0), *batches)


def on_disk(decode, part, values, root, folder):
    """As `in_memory`, but in files, which are read as they are needed, and found again.

    They are made anew, and a message says so, when what they were made of has changed: the
    preprocessing, a file's size or time of modification, or the version of TensorFlow or mmzoo. The
    same rows in another order, or others, have files of their own.

    Args:
        decode: as for `in_memory`.
        part: the `mmzoo.preprocessing.Preprocessing` that decodes.
        values: the raw values.
        root: folder that relative paths start from.
        folder: folder for the files; made if needed.

    Returns:
        A structure of tensors, `(count, ...)`; `None` for what files can't hold: strings, and
        tensors whose shape differs from row to row.
    """
    from mmzoo.version import __version__

    specs = _decoded(decode, len(values)).element_spec
    flat_specs = tf.nest.flatten(specs)
    if any(x.dtype == tf.string or not x.shape[1:].is_fully_defined() for x in flat_specs):
        return None
    paths = [
        [] if value is None else [resolve_path(root, path) for path in part.modality.paths(value)]
        for value in values
    ]
    contents = [files or value for files, value in zip(paths, values, strict=True)]
    path = os.path.join(os.fspath(folder), f"{part.name}-{_digest(map(_raw, contents))[:16]}")
    expected = {
        "format_version": FORMAT_VERSION,
        "versions": {"mmzoo": __version__, "tensorflow": tf.__version__},
        "preprocessing": _digest([_preprocessing(part)]),
        "files": _digest(_state(path) for files in paths for path in files),
        "tensors": [[spec.dtype.name, *spec.shape[1:].as_list()] for spec in flat_specs],
    }
    found = _manifest(path)
    changed = [key for key in expected if found is not None and found.get(key) != expected[key]]
    if changed:
        logger.warning("%s is stale (%s changed): decoding anew.", path, ", ".join(changed))
    if found is None or changed:
        _write(decode, len(values), path, expected)
    tensors = [
        _mapped(os.path.join(path, file), (len(values), *spec.shape[1:]), spec.dtype)
        for file, spec in zip(_file_names(expected), flat_specs, strict=True)
    ]
    return tf.nest.pack_sequence_as(specs, tensors)


def _decoded(decode, count):
    rows = tf.data.Dataset.range(count).batch(BATCH)
    return without_tuner(parallel_map(rows, decode))


def _write(decode, count, path, manifest):
    """Decodes every row into a file a tensor; all of them are there, or none."""
    with atomic_folder(path, replace=True) as temporary:
        files = [
            open(os.path.join(temporary, name), "wb")  # noqa: SIM115
            for name in _file_names(manifest)
        ]
        try:
            for batch in _decoded(decode, count).as_numpy_iterator():
                for file, values in zip(files, tf.nest.flatten(batch), strict=True):
                    file.write(np.ascontiguousarray(values).data)
        finally:
            for file in files:
                file.close()
        with open(os.path.join(temporary, MANIFEST), "w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=1)


def _file_names(manifest):
    """A file a tensor. TensorFlow takes what has the name of a file it has mapped for that file."""
    content = _digest([json.dumps(manifest, sort_keys=True).encode()])[:8]
    return [f"{i}-{content}" for i in range(len(manifest["tensors"]))]


def _mapped(path, shape, dtype):
    """A tensor whose memory is a file; the system reads the pages that are asked for."""
    size = math.prod(shape) * dtype.size
    if os.path.getsize(path) != size:
        raise ValueError(f"{path} should have {size} bytes. Delete its folder, to make it anew.")
    with tf.device("CPU"):
        return tf.raw_ops.ImmutableConst(dtype=dtype, shape=shape, memory_region_name=path)


def _manifest(path):
    """What a folder says it was made of; `None` where it is not there, or says nothing."""
    try:
        with open(os.path.join(path, MANIFEST), encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None


def _preprocessing(part):
    """All that decoding depends on, beside the values, as bytes."""
    config = part.modality.get_config()
    config = {key: value for key, value in config.items() if key not in IRRELEVANT}
    kind = f"{type(part).__module__}.{type(part).__qualname__}"
    return json.dumps([kind, config, part.get_state()], sort_keys=True).encode()


def _state(path):
    """Size and time of a file, as bytes; empty where there is none."""
    try:
        if is_url(path):
            stat = tf.io.gfile.stat(path)
            return f"{stat.length} {stat.mtime_nsec}".encode()
        stat = os.stat(path)
        return f"{stat.st_size} {stat.st_mtime_ns}".encode()
    except (OSError, tf.errors.OpError):
        return b""


def _raw(value):
    """A raw value, or the path it is in, as bytes."""
    if isinstance(value, bytes):
        return b"b" + value
    if isinstance(value, np.ndarray):
        return repr((value.shape, value.dtype.str)).encode() + value.tobytes()
    return repr(value).encode(errors="surrogatepass")


def _digest(parts):
    """A hash of a sequence of bytes."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()
