"""Files that may be compressed, read as if they were not."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import zipfile
import zlib

from mmzoo.raw.paths import open_bytes
from mmzoo.utils.optional_packages import require

#: What the names of compressed files end in.
ENDINGS = (".gz", ".bz2", ".xz", ".zst", ".zip")
_ZSTANDARD = b"\x28\xb5\x2f\xfd"
#: How compressed files begin, and what reads them.
_READERS = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
    _ZSTANDARD: lambda file: io.BufferedReader(_Raw(_zstandard(file))),
}


def plain_ending(path):
    """What a file's name ends in, in small letters and without the mark of a compression.

    Example:

    >>> plain_ending("rows.csv.gz"), plain_ending("ROWS.TSV"), plain_ending("photos")
    ('.csv', '.tsv', '')
    """
    name, ending = os.path.splitext(os.fspath(path).lower())
    return os.path.splitext(name)[1] if ending in ENDINGS else ending


@contextlib.contextmanager
def open_uncompressed(path):
    """A file open for reading bytes, uncompressed if need be; how it begins says whether.

    Args:
        path: a local path or any URL of `tf.io.gfile`.

    Yields:
        A buffered binary file.

    Raises:
        FileNotFoundError: when there is none.
        ValueError: for a file that can't be uncompressed, a workbook of Excel, or an archive of
            several files.
        ImportError: for Zstandard without pyarrow.

    Example:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "rows.csv.gz"
    >>> _ = path.write_bytes(gzip.compress(b"title"))
    >>> with open_uncompressed(path) as file:
    ...     print(file.read())
    b'title'
    """
    with open_bytes(path) as opened:
        file = opened if isinstance(opened, io.BufferedIOBase) else io.BufferedReader(_Raw(opened))
        beginning = file.peek(8)[:8]
        try:
            if beginning.startswith(b"PK\3\4"):
                with _member(path, opened) as member:
                    yield member
                return
            read = next((x for mark, x in _READERS.items() if beginning.startswith(mark)), None)
            yield file if read is None else read(file)
        except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, _DamagedError) as error:
            raise ValueError(f"{path} can't be uncompressed: {error}") from None


class _DamagedError(Exception):
    """What `pyarrow` reports as any other error of a file."""


class _Raw(io.RawIOBase):
    """Any object with a `read` as a file of Python's: TensorFlow's and pyarrow's lack methods."""

    def __init__(self, file):
        self.file = file

    def readable(self):
        return True

    def readinto(self, buffer):
        try:
            content = self.file.read(len(buffer))
        except OSError as error:
            if type(self.file).__module__.startswith("pyarrow"):
                raise _DamagedError(str(error)) from None
            raise
        buffer[: len(content)] = content
        return len(content)


def _zstandard(file):
    return require("pyarrow", "parquet").CompressedInputStream(file, "zstd")


def _member(path, file):
    """The one file in a ZIP archive, open."""
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} can't be uncompressed: {error}") from None
    names = [name for name in archive.namelist() if not name.endswith("/")]
    if "[Content_Types].xml" in names:
        raise ValueError(f"{path} is a workbook of Excel. Save its sheet as CSV (UTF-8).")
    if len(names) != 1:
        raise ValueError(f"{path} is an archive of {len(names)} files; give the one with the rows.")
    return archive.open(names[0])
