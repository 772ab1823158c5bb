"""How well places in a picture agree: intersection over union. Pure Keras."""

from keras import ops

#: What a pixel has instead of a class where nothing is known of it.
UNKNOWN = -1


def overlaps(one, other):
    """Intersection over union of pairs of boxes, and its generalisation to boxes that lie apart.

    Args:
        one: `(..., 4)` float: `x0, y0, x1, y1`. A box with `x1 < x0` or `y1 < y0` is empty.
        other: likewise.

    Returns:
        `(iou, giou)`, each `(...)`: in [0, 1], and in [-1, 1]: `iou - (hull - union) / hull`, with
        `hull` the area of the smallest box around both.

    Example:

    >>> import numpy as np
    >>> iou, giou = overlaps(np.array([0.0, 0, 2, 1]), np.array([1.0, 0, 3, 1]))
    >>> round(float(iou), 4), round(float(giou), 4)
    (0.3333, 0.3333)

    Reference: Rezatofighi et al. 2019, arXiv 1902.09630 (GIoU).
    """
    one, other = (ops.cast(ops.convert_to_tensor(x), "float32") for x in (one, other))
    upper = ops.maximum(one[..., :2], other[..., :2])
    lower = ops.minimum(one[..., 2:], other[..., 2:])
    intersection = _area(upper, lower)
    union = _area(one[..., :2], one[..., 2:]) + _area(other[..., :2], other[..., 2:])
    union = union - intersection
    hull = _area(
        ops.minimum(one[..., :2], other[..., :2]), ops.maximum(one[..., 2:], other[..., 2:])
    )
    iou = intersection / ops.maximum(union, 1e-9)
    return iou, iou - (hull - union) / ops.maximum(hull, 1e-9)


def _area(upper, lower):
    sides = ops.maximum(lower - upper, 0.0)
    return sides[..., 0] * sides[..., 1]


def box_iou(y_true, y_pred):
    """`(B,)`: intersection over union of boxes `(B, 4)`; NaN where there is no box to find."""
    there = ops.all(ops.isfinite(y_true), axis=-1)
    iou, _ = overlaps(ops.where(there[..., None], y_true, 0.0), y_pred)
    return ops.where(there, iou, float("nan"))


def mask_iou(y_true, y_pred):
    """`(B,)`: intersection over union of masks, the mean over the classes that occur in either.

    The first class, the background, does not count; NaN where no other occurs in either.

    Args:
        y_true: `(B, H, W)` integers; -1 for pixels that do not count.
        y_pred: `(B, H, W)` or `(B, H, W, K)` probabilities.
    """
    y_true = ops.cast(y_true, "int32")
    known = (y_true != UNKNOWN)[..., None]
    if len(y_pred.shape) == 3:
        classes, chosen = 2, ops.cast(y_pred > 0.5, "int32")
    else:
        classes, chosen = y_pred.shape[-1], ops.cast(ops.argmax(y_pred, axis=-1), "int32")
    numbers = ops.arange(1, classes, dtype="int32")
    one, other = (known & (x[..., None] == numbers) for x in (y_true, chosen))
    both = ops.sum(ops.cast(one & other, "float32"), axis=(1, 2))
    either = ops.sum(ops.cast(one | other, "float32"), axis=(1, 2))
    occurs = ops.cast(either > 0, "float32")
    count = ops.sum(occurs, axis=-1)
    mean = ops.sum(both / ops.maximum(either, 1.0), axis=-1) / ops.maximum(count, 1.0)
    return ops.where(count > 0, mean, float("nan"))
