"""Files and folders that are written atomically: as a whole or not at all."""

import contextlib
import os
import shutil
import tempfile


def check_free(path):
    """Raises a `FileExistsError` if something other than an empty folder is at `path`."""
    if os.path.exists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise FileExistsError(f"{path} exists and is not an empty folder. Choose another path.")


@contextlib.contextmanager
def atomic_file(path):
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
def atomic_folder(path, replace=False):
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
    >>> with atomic_folder(folder) as temporary:
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
