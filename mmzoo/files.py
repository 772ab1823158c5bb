"""Files and folders that are written whole or not at all, and their format versions."""

import contextlib
import os
import shutil
import tempfile


def check_free(path):
    """Raises a `FileExistsError` if something other than an empty folder is at `path`."""
    if os.path.exists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise FileExistsError(f"{path} exists and is not an empty folder. Choose another path.")


def check_format_version(path, version, known):
    """Raises a `ValueError` unless a file has the format version that this mmzoo reads.

    Args:
        path: the file, for the message.
        version: its version.
        known: the one that can be read.
    """
    if version != known:
        raise ValueError(
            f"{path} has the format version {version}; this mmzoo reads {known}. Use the mmzoo "
            "that wrote it, or a newer one."
        )


def is_url(path):
    """Whether `path` is for `tf.io.gfile`, such as `gs://bucket/folder`, rather than local."""
    return "://" in os.fspath(path)


def under(root, path):
    """`path` as it is reached: relative ones start from `root`, URLs and absolute ones stay.

    Args:
        root: folder, local or a URL; `None`: the working folder.
        path: string or `os.PathLike`.

    Returns:
        A string.

    Example:

    >>> under("gs://bucket/photos", "1.jpg"), under("photos", "gs://bucket/1.jpg")
    ('gs://bucket/photos/1.jpg', 'gs://bucket/1.jpg')
    """
    path = os.fspath(path)
    return path if is_url(path) else os.path.join(os.fspath(root or ""), path)


def file_paths(value, root=None):
    """The paths in a raw value: of one file, or of each in a list; none in any other value.

    Args:
        value: raw value of a modality whose strings are paths.
        root: folder that relative paths start from.

    Returns:
        A list of strings.

    Example:

    >>> file_paths("a.png", "photos"), file_paths(["a.png", None, "b.png"]), file_paths(b"PNG")
    (['photos/a.png'], ['a.png', 'b.png'], [])
    """
    if isinstance(value, (list, tuple)):
        return [path for each in value for path in file_paths(each, root)]
    is_path = isinstance(value, os.PathLike) or (isinstance(value, str) and value)
    return [under(root, value)] if is_path else []


def in_message(value, most=400):
    """What a message says of a raw value, in brackets: its path, or the beginning of its text.

    Args:
        value: raw value.
        most: characters to show.

    Returns:
        A string that can be printed; empty for other values.

    Example:

    >>> in_message("a.png"), in_message("half \\ud83d a pair"), in_message(b"PNG")
    (' (a.png)', ' (half \\\\ud83d a pair)', '')
    """
    if not isinstance(value, (str, os.PathLike)):
        return ""
    text = os.fspath(value)
    text = text if len(text) <= most else f"{text[:most]}..."
    return f" ({text.encode(errors='backslashreplace').decode()})"


def folder_of(path):
    """The folder that a file is in, local (as an absolute path) or a URL."""
    return os.path.dirname(path if is_url(path) else os.path.abspath(path))


def exists(path):
    """Whether there is a file (not a folder) at `path`, local or a URL."""
    if not is_url(path):
        return os.path.isfile(path)
    import tensorflow as tf

    try:
        return tf.io.gfile.exists(
            path
        )  # also a folder: one more question would be one more request
    except (tf.errors.UnimplementedError, tf.errors.InvalidArgumentError):
        return False  # of a scheme that `tf.io.gfile` does not know, such as https


def open_bytes(path):
    """A file, local or a URL, open for reading bytes.

    Raises a `FileNotFoundError` when there is none.
    """
    if not exists(path):
        raise FileNotFoundError(f"No such file: {path}")
    if not is_url(path):
        return open(path, "rb")
    import tensorflow as tf

    return tf.io.gfile.GFile(path, "rb")


@contextlib.contextmanager
def file_written_whole(path):
    """A temporary file that becomes `path` when the block ends without an error.

    Args:
        path: file to make or replace.

    Yields:
        The temporary file, beside `path`, open for bytes.
    """
    path = os.path.abspath(os.fspath(path))
    folder, name = os.path.split(path)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.remove(temporary)
        raise


@contextlib.contextmanager
def written_whole(path, replace=False):
    """A temporary folder that becomes `path` when the block ends without an error.

    Args:
        path: folder to make. It may exist if it is empty.
        replace: whether a folder that is there gives way, in one rename.

    Yields:
        Path of the temporary folder, beside `path`.

    Raises:
        FileExistsError: when `path` exists and is not an empty folder, unless `replace`.

    Example:

    >>> folder = os.path.join(tempfile.mkdtemp(), "new")
    >>> with written_whole(folder) as temporary:
    ...     _ = open(os.path.join(temporary, "file"), "w").close()
    >>> os.listdir(folder)
    ['file']
    """
    path = os.path.abspath(os.fspath(path))
    if not replace:
        check_free(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = tempfile.mkdtemp(prefix=f".{os.path.basename(path)}-", dir=os.path.dirname(path))
    try:
        yield temporary
        os.chmod(temporary, 0o755)
        if replace and os.path.exists(path):
            old = tempfile.mkdtemp(prefix=f".{os.path.basename(path)}-", dir=os.path.dirname(path))
            os.replace(path, old)
            try:
                os.replace(temporary, path)
            except OSError:
                os.replace(old, path)
                raise
            shutil.rmtree(old)
        else:
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
