"""A class for each pixel of a picture."""

import base64
import os

import keras
import numpy as np

from mmzoo.raw.absent import is_absent
from mmzoo.raw.stored_bytes import StoredBytes
from mmzoo.targets.compared import Compared
from mmzoo.targets.overlap import UNKNOWN, mask_iou
from mmzoo.targets.place_target import PlaceTarget, descriptions, fail_where

#: Bytes of a PNG file up to the end of its colour type.
HEAD = 26
#: A number of a mask that stands for no class.
NO_CLASS = -2


@keras.saving.register_keras_serializable(package="mmzoo")
class MaskOfPicture(PlaceTarget):
    """A mask: a raw label is a PNG file of one channel, or an array `(height, width)`.

    The file is given as bytes or as its path, and has the size of the picture as it was sent. A
    model is trained with, and predicts, masks of the size that it sees: `(H, W)` int16, class
    indices, -1 where the picture does not reach.

    Args:
        picture: name of the picture.
        class_names: names of the classes, the background first.
        values: the number that stands for each class in a mask; `None`: 0, 1, 2, ...

    Example:

    >>> target = MaskOfPicture("image", ["background", "cat"], values=[0, 255])
    >>> target.card_facts()
    {'class_names': ['background', 'cat'], 'values': [0, 255]}
    """

    kind = "mask"
    main_output = "probabilities"
    #: Raw labels that are strings are paths of files.
    strings_are_paths = True

    def __init__(self, picture=None, class_names=("background", "object"), values=None):
        super().__init__(picture)
        self.class_names = list(class_names)
        self.values = list(range(len(self.class_names))) if values is None else list(values)

    def get_config(self):
        return {**super().get_config(), "class_names": self.class_names, "values": self.values}

    def check(self, labels, describe="row {}".format):
        checked = [_checked(label, row, describe) for row, label in enumerate(labels)]
        if all(label is None for label in checked):
            raise ValueError("There is no mask in any row.")
        return checked

    def present(self, labels):
        return np.array([label is not None for label in labels], bool)

    def encode(self, labels, describe="row {}".format):
        import tensorflow as tf

        labels = self.check(labels, describe)
        contents = np.full(len(labels), b"", object)
        paths = np.full(len(labels), b"", object)
        for row, label in enumerate(labels):
            if isinstance(label, str):
                if not os.path.exists(label):
                    raise FileNotFoundError(f"{describe(row)}: no such file: {label}, a mask.")
                paths[row] = label.encode()
            elif isinstance(label, np.ndarray):
                contents[row] = tf.io.encode_png(label[..., None]).numpy()
            elif label is not None:
                contents[row] = label
        return {"content": contents, "path": paths, "row": descriptions(labels, describe)}

    def batch(self, y, decoded):
        import tensorflow as tf

        placements = self.placements(decoded)
        size = self.size(decoded)
        table = np.full(256, NO_CLASS, "int16")
        table[self.values] = np.arange(len(self.values))

        def read(row):
            content, path, name, placement = row
            content = tf.cond(
                tf.strings.length(path) > 0, lambda: tf.io.read_file(path), lambda: content
            )
            there = (tf.strings.length(content) > 0) & (placement[0] > 0)
            unknown = tf.constant(UNKNOWN, tf.int16, size)
            return tf.cond(
                there, lambda: self._placed(content, name, placement, table, size), lambda: unknown
            )

        return tf.map_fn(
            read,
            (y["content"], y["path"], y["row"], placements),
            fn_output_signature=tf.TensorSpec(size, tf.int16),
        )

    def _placed(self, content, row, placement, table, size):
        """A PNG file -> class indices over the picture that the model sees."""
        import tensorflow as tf

        from mmzoo.preprocessing.codecs.placement import place_mask

        head = tf.strings.substr(tf.strings.join([content, b"\0" * HEAD]), 0, HEAD)
        is_png = tf.equal(tf.strings.substr(head, 0, 4), b"\x89PNG")
        is_grey = tf.equal(tf.strings.substr(head, 25, 1), b"\0")
        is_wide = tf.equal(tf.strings.substr(head, 24, 1), b"\x10")
        text = tf.strings.join(
            [
                row,
                f": the mask of {self.picture!r} must be a PNG file of one channel, without a "
                "palette, of 8 bits a pixel at most",
            ]
        )
        bad = ~is_png | ~is_grey | is_wide
        with tf.control_dependencies([fail_where(bad[None], text[None])]):
            mask = _decoded(content)
        text = tf.strings.join([row, f": the mask of {self.picture!r} can't be read: damaged"])
        with tf.control_dependencies([fail_where((tf.size(mask) == 0)[None], text[None])]):
            mask = tf.identity(mask)
        shape, sent = tf.shape(mask), tf.cast(placement[:2], tf.int32)
        text = tf.strings.join(
            [
                row, ": the mask has ", _by(shape), " pixels (height x width), its picture ",
                f"{self.picture!r} ", _by(sent), ", as it is stored",
            ]
        )  # fmt: skip
        with tf.control_dependencies([fail_where(tf.reduce_any(shape != sent)[None], text[None])]):
            classes = tf.gather(tf.constant(table), tf.cast(mask, tf.int32))
        bad = classes == NO_CLASS
        worst = tf.reduce_max(tf.where(bad, tf.cast(mask, tf.int32), -1))
        text = tf.strings.join(
            [
                row, ": the mask has a pixel of ", tf.strings.as_string(worst),
                f", but the classes have the values {', '.join(map(str, self.values))}",
            ]
        )  # fmt: skip
        with tf.control_dependencies([fail_where(tf.reduce_any(bad)[None], text[None])]):
            return place_mask(placement, classes, size, outside=UNKNOWN)

    def answers(self, prediction, decoded=None):
        """A list of PNG bytes, `None` where the picture is absent."""
        return [content or None for content in self._files(prediction, decoded).numpy()]

    def stacked(self, rows):
        return list(rows)

    def outputs(self, prediction, decoded=None):
        outputs = {self.main_output: prediction}
        return outputs if decoded is None else {**outputs, "mask": self._files(prediction, decoded)}

    def _files(self, prediction, decoded):
        """`(B,)` string: PNG files of the sizes of the pictures as sent; empty where absent."""
        import tensorflow as tf

        from mmzoo.preprocessing.codecs.placement import undo_mask

        values = tf.constant(self.values, tf.uint8)
        background = np.eye(len(self.values), dtype="float32")[0]

        def write(row):
            shares, placement = row
            if len(shares.shape) == 2:  # of two classes, that of the second
                shares = undo_mask(placement, shares[..., None], outside=[0.0])
                classes = tf.cast(shares[..., 0] > 0.5, tf.int32)
            else:
                shares = undo_mask(placement, shares, outside=background)
                classes = tf.argmax(shares, axis=-1, output_type=tf.int32)
            return tf.io.encode_png(tf.gather(values, classes)[..., None])

        def write_or_nothing(row):
            return tf.cond(row[1][0] > 0, lambda: write(row), lambda: tf.constant(b""))

        prediction = tf.convert_to_tensor(prediction)
        return tf.map_fn(
            write_or_nothing,
            (prediction, self.placements(decoded)),
            fn_output_signature=tf.TensorSpec((), tf.string),
        )

    def describe_outputs(self):
        classes = len(self.values)
        shape = "(B, H, W)" if classes == 2 else f"(B, H, W, {classes})"
        of = f"of {self.class_names[1]!r}" if classes == 2 else "of each class"
        return {
            "probabilities": (
                shape,
                f"the probability {of}, over the picture as the model sees it",
            ),
            "mask": (
                "(B,)",
                f"a PNG file of the size of {self.picture!r} as sent; from raw rows only",
            ),
        }

    def card_lines(self):
        pairs = zip(self.class_names, self.values, strict=True)
        return [f"Classes: {', '.join(f'`{name}` ({value})' for name, value in pairs)}.", ""]

    def card_facts(self):
        return {"class_names": self.class_names, "values": self.values}

    def columns(self, prediction, delimiter="|"):
        files = [None if file is None else base64.b64encode(file).decode() for file in prediction]
        return {"mask_png_base64": files}

    def check_y(self, y):
        y = np.asarray(y)
        if y.ndim != 3 or y.dtype.kind not in "iu":
            raise ValueError(
                "Masks must be integers (B, H, W), of the size the model sees, as "
                f"`records.to_dataset(preprocessor)` makes them; received {y.dtype} of shape "
                f"{y.shape}."
            )
        return y

    def compared(self, labels, answers, beside=None):
        import tensorflow as tf

        rows = []
        for label, answer in zip(labels, answers, strict=True):
            row = Compared()
            masks = {"truth": self._classes(label), "answer": self._classes(answer)}
            masks = {who: mask for who, mask in masks.items() if mask is not None}
            for who, mask in masks.items():
                setattr(row, who, self._shares(mask))
                row.masks[who] = tf.io.encode_png(mask.astype("uint8")[..., None]).numpy()
            if len(masks) == 2 and masks["truth"].shape == masks["answer"].shape:
                shares = np.eye(len(self.values), dtype="float32")[masks["answer"]]
                shares = shares if len(self.values) > 2 else shares[..., 1]
                iou = float(self.iou(masks["truth"][None], shares[None])[0])
                row.loss = None if np.isnan(iou) else 1 - iou
            rows.append(row)
        return rows

    def _classes(self, mask):
        """A mask, as array, file or path, as `(height, width)` class numbers; -1: of no class."""
        if mask is None:
            return None
        if not isinstance(mask, np.ndarray):
            if isinstance(mask, str):
                with open(mask, "rb") as file:
                    mask = file.read()
            import tensorflow as tf

            mask = tf.io.decode_png(mask, channels=1).numpy()[..., 0]
        table = np.full(256, UNKNOWN, "int16")
        table[self.values] = np.arange(len(self.values))
        return table[mask]

    def _shares(self, mask):
        """How much of a picture has which class but the background, in words."""
        shares = [(mask == index).mean() for index in range(1, len(self.values))]
        said = zip(self.class_names[1:], shares, strict=True)
        return ", ".join(f"{name} {share:.1%}" for name, share in said if share) or "(none)"

    def iou(self, y, prediction):
        return np.asarray(keras.ops.convert_to_numpy(mask_iou(y, prediction)))


def _decoded(content):
    """The pixels of a PNG file of one channel; none where it can't be read."""
    import tensorflow as tf

    def decode(content):
        return tf.io.decode_png(content, channels=1)[..., 0]

    # A graph has no `try`, but a dataset can ignore its errors.
    nothing = tf.data.Dataset.from_tensors(tf.zeros((0, 0), tf.uint8))
    tried = tf.data.Dataset.from_tensors(content).map(decode).ignore_errors()
    return tried.concatenate(nothing).take(1).get_single_element()


def _by(shape):
    import tensorflow as tf

    return tf.strings.reduce_join(tf.strings.as_string(shape), separator=" x ")


def _checked(label, row, describe):
    """A raw label as an array, the bytes of a file, a path, or `None`."""
    if isinstance(label, StoredBytes):
        return label.read()
    if isinstance(label, np.ndarray) and label.ndim:
        label = label[..., 0] if label.ndim == 3 and label.shape[-1] == 1 else label
        if label.ndim != 2 or label.dtype.kind not in "biuf":
            raise ValueError(
                f"{describe(row)}: a mask that is an array must have the shape (height, width); "
                f"received {label.dtype} of shape {label.shape}."
            )
        numbers = label.astype("uint8")
        if (numbers != label).any():
            raise ValueError(
                f"{describe(row)}: a mask has whole numbers from 0 to 255; received "
                f"{label[numbers != label][0]}."
            )
        return numbers
    if is_absent(label):
        return None
    if isinstance(label, (str, os.PathLike)):
        return os.fspath(label)
    if isinstance(label, bytes):
        return label
    raise ValueError(
        f"{describe(row)}: the label {label!r} is no mask: a PNG file, as bytes or path, or an "
        "array (height, width)."
    )
