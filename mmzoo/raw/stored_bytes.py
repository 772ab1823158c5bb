"""Bytes that stay in a TFRecord file until they are needed."""

import dataclasses

from mmzoo.raw.paths import open_bytes

#: What stands before the data of a record: its length, and a checksum of that.
HEADER = 12
#: What stands around the data of a record, with the checksum behind it.
FRAME = 16


@dataclasses.dataclass(frozen=True, slots=True)
class StoredBytes:
    """The bytes of a file, somewhere within a record of a TFRecord file.

    A raw value as a path is: a million of them take no more memory than paths, and each is read
    when its row is. `mmzoo.data.from_tfrecords`, `from_tfds` and `from_generator` make them.

    Args:
        path: the TFRecord file, not compressed.
        offset: where the record begins in it.
        position: where the bytes begin in the data of the record.
        length: how many there are.
    """

    path: str
    offset: int
    position: int
    length: int

    def read(self):
        """The bytes. Their checksum is not checked, as it is when a dataset reads them."""
        with open_bytes(self.path) as file:
            file.seek(self.offset + HEADER + self.position)
            return file.read(self.length)


def read_stored(path, offset, position, length):
    """As `StoredBytes.read`, in TensorFlow ops; fails, in the graph, if the record is damaged.

    Args:
        path: scalar string.
        offset: scalar int64.
        position: scalar int64.
        length: scalar int64.

    Returns:
        Scalar string.
    """
    import tensorflow as tf

    # `tf.data.TFRecordDataset` does not pass on `byte_offsets`, without which every record before
    # this one would be read.
    records = tf.raw_ops.TFRecordDatasetV2(
        filenames=path[None],
        compression_type="",
        buffer_size=tf.constant(0, tf.int64),
        byte_offsets=offset[None],
    )
    kind = {"output_types": [tf.string], "output_shapes": [()]}
    first = tf.raw_ops.TakeDataset(input_dataset=records, count=tf.constant(1, tf.int64), **kind)
    (record,) = tf.raw_ops.DatasetToSingleElement(dataset=first, **kind)
    return tf.strings.substr(record, position, length)  # int64 will do
