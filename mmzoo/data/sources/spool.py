"""Bytes too many to hold, in a temporary file."""

import functools
import os
import tempfile

from mmzoo.raw.stored_bytes import FRAME, StoredBytes


class Spool:
    """A temporary TFRecord file that takes bytes and leaves where they are.

    It is in the folder for temporary files (see `tempfile.gettempdir`) until Python ends, since
    datasets may outlive whatever they were made of.

    Example:

    >>> with Spool() as spool:
    ...     stored = spool.store(b"many bytes")
    >>> stored.length, stored.read()
    (10, b'many bytes')
    """

    def __init__(self):
        self._writer = None
        self._end = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._writer is not None:
            self._writer.close()

    def store(self, value):
        """Takes bytes; they can be read once the spool is closed.

        Args:
            value: bytes, not empty.

        Returns:
            `StoredBytes`.
        """
        import tensorflow as tf

        if self._writer is None:
            descriptor, self._path = tempfile.mkstemp(suffix=".tfrecord", dir=_folder().name)
            os.close(descriptor)
            self._writer = tf.io.TFRecordWriter(self._path)
        self._writer.write(value)
        stored = StoredBytes(self._path, offset=self._end, position=0, length=len(value))
        self._end += FRAME + len(value)
        return stored


@functools.cache
def _folder():
    """The folder of all spools, which is removed when Python ends."""
    return tempfile.TemporaryDirectory(prefix="mmzoo-")
