"""Pipeline: rows -> tf.data batches; order, decoding, caches, unreadable values."""
