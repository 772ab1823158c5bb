"""A box in a picture."""

import re

import keras
import numpy as np

from mmzoo.raw.absent import is_absent
from mmzoo.targets.compared import Compared, plain_numbers, written
from mmzoo.targets.overlap import box_iou
from mmzoo.targets.place_target import PlaceTarget, descriptions, fail_where

#: How far, in pixels, a box may stick out of its picture: as far as rounding errors reach.
ROUNDING = 0.01


@keras.saving.register_keras_serializable(package="mmzoo")
class BoxInPicture(PlaceTarget):
    """A box: a raw label is `[x0, y0, x1, y1]` in pixels, as a list, an array or a string of it.

    A model is trained with, and predicts, boxes in shares of the width and height of the picture
    that it sees. Of a box that its cropped picture shows a part of, that part is to be found; where
    it shows nothing of it, `y` is NaN, and the row costs nothing.

    Args:
        picture: name of the picture.

    Example:

    >>> target = BoxInPicture("image")
    >>> target.check([[1, 2, 3.5, 4], "5 6 7 8", None]).tolist()
    [[1.0, 2.0, 3.5, 4.0], [5.0, 6.0, 7.0, 8.0], [nan, nan, nan, nan]]
    """

    kind = "box"
    main_output = "relative_box"

    def check(self, labels, describe="row {}".format):
        boxes = np.full((len(labels), 4), np.nan)
        for row, label in enumerate(labels):
            if not _is_missing(label):
                boxes[row] = _box(label, describe(row))
        if np.isnan(boxes).all():
            raise ValueError("There is no box in any row.")
        return boxes

    def encode(self, labels, describe="row {}".format):
        boxes = labels if isinstance(labels, np.ndarray) else self.check(labels, describe)
        return {"box": boxes, "row": descriptions(boxes, describe)}

    def batch(self, y, decoded):
        import tensorflow as tf

        from mmzoo.preprocessing.codecs.placement import map_boxes

        boxes, placements = y["box"], self.placements(decoded)
        sizes = tf.reverse(placements[:, :2], [1])  # width, height
        there = tf.reduce_all(tf.math.is_finite(boxes), axis=1) & (sizes[:, 0] > 0)
        outside = tf.reduce_any(boxes < -ROUNDING, axis=1)
        outside |= tf.reduce_any(boxes > tf.tile(sizes, (1, 2)) + ROUNDING, axis=1)
        texts = [
            tf.strings.join([y["row"], ": the box ["]),
            tf.strings.reduce_join(tf.strings.as_string(boxes, shortest=True), 1, separator=", "),
            f"] does not lie in its picture {self.picture!r}, which is ",
            tf.strings.as_string(sizes[:, 0], precision=0),
            " pixels wide and ",
            tf.strings.as_string(sizes[:, 1], precision=0),
            " high. A box is [x0, y0, x1, y1], not its width and height, in pixels of the picture "
            "as it is stored",
        ]
        with tf.control_dependencies([fail_where(there & outside, tf.strings.join(texts))]):
            mapped = map_boxes(placements, tf.where(there[:, None], boxes, 0.0))
        shares = tf.clip_by_value(mapped / self._sides(decoded), 0.0, 1.0)
        # A box of no area is one that can be seen; one that was cut off has none left.
        was_flat = boxes[:, 2:] <= boxes[:, :2]
        visible = tf.reduce_all((shares[:, 2:] > shares[:, :2]) | was_flat, axis=1)
        nothing = tf.constant(np.nan, tf.float32)
        return tf.where((there & visible)[:, None], tf.cast(shares, tf.float32), nothing)

    def answers(self, prediction, decoded=None):
        """`(rows, 4)` float32 array, in pixels; NaN where the picture is absent."""
        return self._boxes(prediction, decoded).numpy()

    def outputs(self, prediction, decoded=None):
        outputs = {self.main_output: prediction}
        return outputs if decoded is None else {**outputs, "box": self._boxes(prediction, decoded)}

    def _boxes(self, prediction, decoded):
        """`(B, 4)` float32: predictions in pixels of the pictures as they were sent."""
        import tensorflow as tf

        from mmzoo.preprocessing.codecs.placement import inverted, map_boxes

        placements = self.placements(decoded)
        boxes = tf.cast(prediction, tf.float64) * self._sides(decoded)
        boxes = map_boxes(inverted(placements), boxes)
        boxes = tf.clip_by_value(boxes, 0.0, tf.tile(tf.reverse(placements[:, :2], [1]), (1, 2)))
        there = placements[:, :1] > 0
        return tf.where(there, tf.cast(boxes, tf.float32), tf.constant(np.nan, tf.float32))

    def _sides(self, decoded):
        """Width, height, width and height of the picture that the model sees."""
        height, width = self.size(decoded)
        return np.array([width, height, width, height], "float64")

    def answer_shape(self):
        return (4,)

    def describe_outputs(self):
        return {
            "relative_box": (
                "(B, 4)",
                "x0, y0, x1, y1 in shares of the picture as the model sees it",
            ),
            "box": (
                "(B, 4)",
                f"x0, y0, x1, y1 in pixels of {self.picture!r} as sent; from raw rows only",
            ),
        }

    def columns(self, prediction, delimiter="|"):
        return {name: prediction[:, i] for i, name in enumerate(("x0", "y0", "x1", "y1"))}

    def check_y(self, y):
        y = np.asarray(y)
        if y.ndim != 2 or y.shape[1] != 4 or y.dtype.kind != "f":
            raise ValueError(
                "Boxes must be floats (B, 4), in shares of the picture, as "
                f"`records.to_dataset(preprocessor)` makes them; received {y.dtype} of shape "
                f"{y.shape}."
            )
        return y

    def compared(self, labels, answers, beside=None):
        boxes = {"truth": np.asarray(labels, "float64"), "answer": np.asarray(answers, "float64")}
        iou = self.iou(boxes["truth"].astype("float32"), boxes["answer"].astype("float32"))
        rows = []
        for row, share in enumerate(iou):
            found = {who: plain_numbers(of_row[row]) for who, of_row in boxes.items()}
            compared = Compared(truth=written(found["truth"]), answer=written(found["answer"]))
            compared.boxes = {who: box for who, box in found.items() if box is not None}
            if len(compared.boxes) == 2:
                compared.loss = float(1 - share)
            rows.append(compared)
        return rows

    def iou(self, y, prediction):
        return np.asarray(keras.ops.convert_to_numpy(box_iou(y, prediction)))


def _is_missing(label):
    if isinstance(label, (list, tuple, np.ndarray)):
        return len(label) == 4 and all(is_absent(side) for side in label)
    return is_absent(label)


def _box(label, row):
    """A raw label as four numbers."""
    sides = label
    if isinstance(label, str):
        sides = [side for side in re.split(r"[\s,;]+", label.strip("[]() \t")) if side]
    try:
        box = np.asarray(sides, "float64").reshape(-1)
    except (TypeError, ValueError):
        box = np.empty(0)
    if box.shape != (4,) or not np.isfinite(box).all():
        raise ValueError(
            f"{row}: the label {label!r} is no box: [x0, y0, x1, y1], four numbers, in pixels."
        )
    for axis, first, second in (("x", box[0], box[2]), ("y", box[1], box[3])):
        if second < first:
            raise ValueError(
                f"{row}: the box {box.tolist()} has {axis}1 < {axis}0. A box is [x0, y0, x1, y1]: "
                "its left, upper, right and lower side, in pixels from the upper left corner."
            )
    return box
