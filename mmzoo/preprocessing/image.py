"""Pictures: encoded bytes, paths or arrays -> uint8 pixels of one size."""

import math
import os

import numpy as np
import tensorflow as tf

from mmzoo.preprocessing.augmentation import augment
from mmzoo.preprocessing.codecs.decoding import decode_picture, onto_white
from mmzoo.preprocessing.codecs.exif import lies_on_its_side, upright
from mmzoo.preprocessing.codecs.placement import NUMBERS, placement
from mmzoo.preprocessing.codecs.resizing import pad, resize
from mmzoo.preprocessing.corruption import Corruption, blurred_pixels, noisy_pixels
from mmzoo.preprocessing.preprocessing import Preprocessing
from mmzoo.raw.absent import is_absent
from mmzoo.raw.file_heads import picture_size, pixel_weight
from mmzoo.raw.stored_bytes import StoredBytes

#: Standard deviations of noise that is tried, as a share of the range of pixels; and of blur, as a
#: share of the shorter side.
NOISE, BLUR = (0.05, 0.1, 0.2), (0.01, 0.02, 0.05)
#: Pictures with a side below that are suspicious.
TINY = 8
#: So are those whose sides differ by more than this factor.
NARROW = 10


class ImagePreprocessing(Preprocessing):
    """Decodes, turns upright, brings to `size` and to `channels`, and augments.

    Values stay 0-255. See `decode_picture` for the formats.

    Args:
        modality: a `mmzoo.Image`.
        name: its key.
    """

    works_on_elements = True
    file_kind, formats = "picture", ("JPEG", "PNG", "GIF", "BMP", "WebP")
    #: Whether a decoded picture comes with its placement, for answers that are places in it.
    gives_placement = False
    size_name = "height x width"

    def column(self, values, root):
        values = [_first_file(value) for value in values]
        return self.file_column(values, root) or self._array_column(values)

    def _array_column(self, values):
        first = np.asarray(next(value for value in values if value is not None))
        if first.ndim not in (2, 3) or first.dtype.kind not in "uif":
            raise ValueError(
                f"Pictures of {self.name!r} must be bytes, paths, or arrays (height, width) or "
                f"(height, width, channels); received an array of shape {first.shape} and dtype "
                f"{first.dtype}."
            )
        arrays = [None if value is None else np.asarray(value) for value in values]
        arrays = [a[..., None] if a is not None and a.ndim == 2 else a for a in arrays]
        self.check_range([a for a in arrays if a is not None])
        # An absent picture is one of NaN: arrays have no empty value.
        absent = np.full((1, 1, 1), np.nan, "float32")
        arrays = [absent if a is None else a for a in arrays]
        if len({a.shape for a in arrays}) == 1:
            return tf.constant(np.stack(arrays)), tf.identity
        rows = [tf.RaggedTensor.from_tensor(tf.cast(a, tf.float32), ragged_rank=2) for a in arrays]
        return tf.ragged.stack(rows), tf.RaggedTensor.to_tensor

    def check_range(self, arrays):
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

    def explanation(self, value, root):
        shape = getattr(value, "shape", None)
        if shape is None or shape[2:] in ((), (1,), (2,), (3,), (4,)):
            return super().explanation(_first_file(value), root)
        if shape[0] in (1, 2, 3, 4):
            return "unreadable", f"shape {shape}: channels first; transpose it"
        return "unreadable", f"shape {shape}: a picture has 1 to 4 channels"

    def sample(self):
        height, width = self.modality.size
        return tf.io.encode_jpeg(tf.fill((2 * height, 2 * width, 3), tf.constant(127, tf.uint8)))[
            None
        ]

    def blank(self):
        pixels = tf.zeros((*self.modality.size, self.modality.channels), tf.uint8)
        return (pixels, tf.zeros(NUMBERS, tf.float64)) if self.gives_placement else pixels

    def augment(self, decoded, seeds):
        if not self.modality.augmentation:
            return decoded
        pixels, *place = decoded if self.gives_placement else (decoded,)
        pixels = tf.map_fn(
            lambda row: augment(row[0], self.modality.augmentation, row[1]),
            (pixels, seeds),
            fn_output_signature=tf.TensorSpec(pixels.shape[1:], tf.uint8),
        )
        return (pixels, *place) if self.gives_placement else pixels

    def corruptions(self):
        def noisy(decoded, deviation, generator):
            pixels, *place = decoded if self.gives_placement else (decoded,)
            pixels = noisy_pixels(pixels, deviation, generator)
            return (pixels, *place) if self.gives_placement else pixels

        def blurred(decoded, deviation, _):
            pixels, *place = decoded if self.gives_placement else (decoded,)
            pixels = blurred_pixels(pixels, deviation)
            return (pixels, *place) if self.gives_placement else pixels

        return {
            "noise": Corruption(noisy, NOISE, "{:.0%} of range"),
            "blur": Corruption(blurred, BLUR, "{:.0%} of side"),
        }

    def placements(self, decoded):
        """The placements `(B, 8)` of pictures that were decoded with `gives_placement` on.

        See `mmzoo.preprocessing.codecs.placement`; zeros where a picture is absent or unreadable.
        """
        return self.split(decoded)[0][-1]

    def tensors(self, decoded):
        return {"image": decoded[0] if self.gives_placement else decoded}

    def diagnosis(self, encoded):
        size, most = picture_size(encoded), self.modality.max_pixels
        weight = pixel_weight(encoded)
        if size is not None and math.prod(size) * weight > most:
            each = f", which count {weight} times each," if weight > 1 else ""
            return (
                "too large",
                f"{size[0]} x {size[1]} pixels{each} are more than max_pixels={most}.",
            )
        return super().diagnosis(encoded)

    def suspicions(self, encoded, pixels):
        found, size = [], None if encoded is None else picture_size(encoded)
        if size is not None and min(size) < TINY:
            found.append(("tiny", f"{size[0]} x {size[1]} pixels."))
        if size is not None and max(size) > NARROW * min(size):
            found.append(("narrow", f"{size[0]} x {size[1]} pixels."))
        content = _content(pixels, size, self.modality.resize)
        if (content == content[:1, :1]).all():
            found.append(("one colour", f"All pixels are {content[0, 0].tolist()}."))
        return found

    def size(self, encoded):
        return picture_size(encoded)

    def decode_value(self, value):
        """Encoded bytes or an array -> `(height, width, channels)` uint8, and its placement if
        asked for."""
        size, policy = tf.constant(self.modality.size), self.modality.resize
        if value.dtype == tf.string:
            max_pixels = tf.constant(self.modality.max_pixels, tf.int64)
            image, orientation = decode_picture(value, size, policy, max_pixels)
            place = self._placement(value, image, orientation)
            stored = tf.where(lies_on_its_side(orientation), size[::-1], size)
            image = upright(resize(image, stored, policy), orientation)
        else:
            image = tf.clip_by_value(_to_color(value), 0.0, 255.0)
            place = self._placement(value, image, 1)
            image = resize(image, size, policy)
        if policy == "fit":
            image = pad(image, size)
        if self.modality.channels == 1:
            image = tf.image.rgb_to_grayscale(image)
        # Means of 0-255, with weights that are not negative: once rounded they are 0-255, too.
        image = tf.cast(tf.round(image), tf.uint8)
        pixels = tf.ensure_shape(image, (*self.modality.size, self.modality.channels))
        return (pixels, place) if self.gives_placement else pixels

    def _placement(self, value, image, orientation):
        """How a value that was decoded to `image` lies in the model's picture."""
        if not self.gives_placement:
            return tf.zeros(NUMBERS, tf.float64)
        shape = tf.shape(image)[:2]
        sent = shape
        if value.dtype == tf.string:  # a JPEG may have been decoded at a fraction of its size
            sent = tf.cond(
                tf.equal(tf.strings.substr(value, 0, 3), b"\xff\xd8\xff"),
                lambda: tf.image.extract_jpeg_shape(value)[:2],
                lambda: shape,
            )
        return placement(
            sent, shape, orientation, tf.constant(self.modality.size), self.modality.resize
        )


def _first_file(value):
    """The first file of a list of files; any other value as it is, such as a list of numbers."""
    if not isinstance(value, (list, tuple)):
        return value
    files = [each for each in value if not is_absent(each)]
    is_file = files and isinstance(files[0], (str, bytes, os.PathLike, StoredBytes))
    return files[0] if is_file else value


def _content(pixels, size, policy):
    """The part of resized pixels that a picture covers, without what `"fit"` put around it."""
    if policy != "fit" or size is None:
        return pixels
    wanted = np.array(pixels.shape[:2])
    taken = np.clip(np.round(np.array(size) * (wanted / size).min()), 1, wanted).astype(int)
    top, left = np.round((wanted - taken) / 2).astype(int)
    return pixels[top : top + taken[0], left : left + taken[1]]


def _to_color(image):
    """`(H, W, 1 to 4)`, gray or RGB, with or without alpha -> `(H, W, 3)`."""
    channels = tf.shape(image)[-1]
    has_alpha = (channels == 2) | (channels == 4)
    image = tf.cast(image, tf.float32)
    image = tf.cond(has_alpha, lambda: onto_white(image), lambda: image)
    is_gray = tf.shape(image)[-1] == 1
    image = tf.cond(is_gray, lambda: tf.repeat(image, 3, axis=-1), lambda: image)
    return tf.ensure_shape(image, (None, None, 3))
