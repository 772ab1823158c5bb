"""Pictures: encoded bytes, paths or arrays -> uint8 pixels of one size."""

import os

import numpy as np
import tensorflow as tf

from mmzoo.preprocessing.augmentation import augment
from mmzoo.preprocessing.preprocessing import Preprocessing


class ImagePreprocessing(Preprocessing):
    """Decodes, brings to `channels` and to `size`, and augments. Values stay 0-255.

    Reads JPEG, PNG, GIF (first frame), BMP and WebP. Transparent pictures are laid on white. The
    resampling is bilinear, with antialiasing when it shrinks.

    Args:
        modality: a `mmzoo.Image`.
        name: its key.
    """

    works_on_elements = True

    def column(self, values, root):
        present = [value for value in values if value is not None]
        first = present[0] if present else b""
        if isinstance(first, (bytes, np.bytes_)):
            return tf.constant([value or b"" for value in values], tf.string), tf.identity
        if isinstance(first, (str, os.PathLike)):
            return self.path_column(values, root)
        return self._array_column(values, np.asarray(first))

    def _array_column(self, values, first):
        if first.ndim not in (2, 3) or first.dtype.kind not in "uif":
            raise ValueError(
                f"Pictures of {self.name!r} must be bytes, paths, or arrays (height, width) or "
                f"(height, width, channels); received an array of shape {first.shape} and dtype "
                f"{first.dtype}."
            )
        arrays = [None if value is None else np.asarray(value) for value in values]
        arrays = [a[..., None] if a is not None and a.ndim == 2 else a for a in arrays]
        self._check_values([a for a in arrays if a is not None])
        # An absent picture is one of NaN: arrays have no empty value.
        absent = np.full((1, 1, 1), np.nan, "float32")
        arrays = [absent if a is None else a for a in arrays]
        if len({a.shape for a in arrays}) == 1:
            return tf.constant(np.stack(arrays)), tf.identity
        rows = [tf.RaggedTensor.from_tensor(tf.cast(a, tf.float32), ragged_rank=2) for a in arrays]
        return tf.ragged.stack(rows), lambda row: row.to_tensor()

    def _check_values(self, arrays):
        """Raises unless all values are finite and 0-255, and not all 0-1."""
        if all(a.dtype == np.uint8 for a in arrays):
            return
        lowest, highest = min(a.min() for a in arrays), max(a.max() for a in arrays)
        if not (lowest >= 0 and highest <= 255):  # NaN fails, too
            raise ValueError(
                f"Pictures of {self.name!r} have values from {lowest:.4g} to {highest:.4g}; mmzoo "
                "takes finite values 0-255."
            )
        if arrays[0].dtype.kind == "f" and 0 < highest <= 1:
            raise ValueError(
                f"Pictures of {self.name!r} have values from {lowest:.4g} to {highest:.4g}; mmzoo "
                "takes values 0-255. Multiply them by 255."
            )

    def raw_spec(self):
        return tf.TensorSpec((None,), tf.string, name=self.name)

    def blank(self):
        pixels = tf.zeros((*self.modality.size, self.modality.channels), tf.uint8)
        return (pixels, False) if self.modality.optional else pixels

    def element(self, value):
        if not self.modality.optional:
            return self._pixels(value)
        if value.dtype == tf.string:
            present = tf.strings.length(value) > 0
        else:
            present = ~tf.reduce_all(tf.math.is_nan(tf.cast(value, tf.float32)))
        return tf.cond(present, lambda: self._pixels(value), lambda: self.blank()[0]), present

    def augment(self, decoded, seeds):
        if not self.modality.augmentation:
            return decoded
        pixels, *present = decoded if self.modality.optional else (decoded,)
        pixels = tf.map_fn(
            lambda row: augment(row[0], self.modality.augmentation, row[1]),
            (pixels, seeds),
            fn_output_signature=tf.TensorSpec(pixels.shape[1:], tf.uint8),
        )
        return (pixels, *present) if self.modality.optional else pixels

    def batch(self, decoded):
        if self.modality.optional:
            pixels, present = decoded
            tensors = {self.name: pixels, f"{self.name}_present": present}
        else:
            tensors = {self.name: decoded}
        return tensors, tf.ones(tf.shape(tensors[self.name])[:1], tf.bool)

    def _pixels(self, value):
        """Encoded bytes or an array -> `(height, width, channels)` uint8."""
        image = decode_image(value) if value.dtype == tf.string else value
        return self._to_size(self._to_channels(image))

    def _to_channels(self, image):
        """`(H, W, 1 to 4)`, uint8 or float -> `(H, W, channels)`; transparency onto white."""
        image = tf.cast(image, tf.float32)
        count = tf.shape(image)[-1]
        has_alpha = (count == 2) | (count == 4)

        def onto_white():
            color, alpha = image[..., :-1], image[..., -1:] / 255.0
            return color * alpha + 255.0 * (1.0 - alpha)

        image = tf.cond(has_alpha, onto_white, lambda: image)
        image = tf.cond(
            tf.shape(image)[-1] == 1, lambda: tf.repeat(image, 3, axis=-1), lambda: image
        )
        image = tf.ensure_shape(image, (None, None, 3))
        return image if self.modality.channels == 3 else tf.image.rgb_to_grayscale(image)

    def _to_size(self, image):
        """`(H, W, C)` float32 -> `size`, uint8."""
        size = self.modality.size
        same = tf.reduce_all(tf.shape(image)[:2] == size)
        image = tf.cond(same, lambda: image, lambda: tf.image.resize(image, size, antialias=True))
        image = tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)
        return tf.ensure_shape(image, (*size, self.modality.channels))


def decode_image(encoded):
    """Decodes a picture of any format.

    Args:
        encoded: scalar string, the bytes of a JPEG, PNG, GIF (first frame), BMP or WebP file.

    Returns:
        `(H, W, 1 to 4)` uint8: gray, gray and alpha, RGB, or RGB and alpha.
    """
    image = tf.cond(
        tf.io.is_jpeg(encoded),
        lambda: tf.io.decode_jpeg(encoded, channels=3, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_image(encoded, channels=0, expand_animations=False),
    )
    return tf.ensure_shape(image, (None, None, None))
