"""Paths of raw values: local ones and URLs, resolved against a root, and opened."""

import os


def is_url(path):
    """Whether `path` is for `tf.io.gfile`, such as `gs://bucket/folder`, rather than local."""
    return "://" in os.fspath(path)


def resolve_path(root, path):
    """`path` as it is reached: relative ones start from `root`, URLs and absolute ones stay.

    Args:
        root: folder, local or a URL; `None`: the working folder.
        path: string or `os.PathLike`.

    Returns:
        A string.

    Example:

    >>> resolve_path("gs://bucket/photos", "1.jpg"), resolve_path("photos", "gs://bucket/1.jpg")
    ('gs://bucket/photos/1.jpg', 'gs://bucket/1.jpg')
    """
    path = os.fspath(path)
    return path if is_url(path) else os.path.join(os.fspath(root or ""), path)


def parent_folder(path):
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


def shown_path(path):
    """A path as messages show it: in quotes where it has spaces at an end, or what can't be seen.

    It also says if there is a file whose name has no such spaces.

    Example:

    >>> shown_path("a.png"), shown_path("a.png ")
    ('a.png', "'a.png '")
    """
    path = os.fspath(path)
    if path == path.strip() and path.isprintable():
        return path
    there = path != path.strip() and exists(path.strip())
    return f"{path!r}{', though there is one without the space' if there else ''}"


def open_bytes(path):
    """A file, local or a URL, open for reading bytes.

    Raises a `FileNotFoundError` when there is none.
    """
    if not exists(path):
        raise FileNotFoundError(f"No such file: {shown_path(path)}")
    if not is_url(path):
        return open(path, "rb")
    import tensorflow as tf

    return tf.io.gfile.GFile(path, "rb")


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
    return [resolve_path(root, value)] if is_path else []


def describe_value(value, most=400):
    """What a message says of a raw value, in brackets: its path, or the beginning of its text.

    Args:
        value: raw value.
        most: characters to show.

    Returns:
        A string that can be printed; empty for other values.

    Example:

    >>> describe_value("a.png"), describe_value("half \\ud83d a pair"), describe_value(b"PNG")
    (' (a.png)', ' (half \\\\ud83d a pair)', '')
    """
    if not isinstance(value, (str, os.PathLike)):
        return ""
    text = os.fspath(value)
    text = text if len(text) <= most else f"{text[:most]}..."
    text = text if text == text.strip() else repr(text)
    return f" ({text.encode(errors='backslashreplace').decode()})"
