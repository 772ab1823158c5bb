"""Boxes and masks: their heads, losses and metrics. Pure Keras: runs on TensorFlow and on JAX."""

import json

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo.targets.overlap import box_iou, mask_iou, overlaps

ROWS, GRID, SIZE, DIM = 3, (2, 3), (16, 24), 8


def fused(seed=0):
    """What a fusion block hands to a head that reads tokens, at random."""
    generator = np.random.default_rng(seed)
    lengths = {"image": GRID[0] * GRID[1], "text": 4}
    tokens = {
        n: generator.normal(size=(ROWS, length, DIM)).astype("float32")
        for n, length in lengths.items()
    }
    mask = {n: np.ones((ROWS, length), bool) for n, length in lengths.items()}
    return generator.normal(size=(ROWS, DIM)).astype("float32"), tokens, mask


def box_head(**options):
    return mmzoo.heads.Box(image="image", grid=GRID, hidden_units=16, **options)


def mask_head(**options):
    return mmzoo.heads.Mask(image="image", grid=GRID, size=SIZE, hidden_units=16, **options)


def array(x):
    return ops.convert_to_numpy(x)


def random_boxes(count, seed=0):
    corners = np.random.default_rng(seed).uniform(size=(count, 2, 2))
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=-1).astype("float32")


def test_overlaps_against_counted_cells():
    generator = np.random.default_rng(0)
    corners = np.sort(generator.integers(0, 12, size=(200, 2, 2, 2)), axis=2)
    boxes = corners.reshape(200, 2, 4).astype("float32")
    iou, giou = (array(x) for x in overlaps(boxes[:, 0], boxes[:, 1]))
    y, x = np.mgrid[:12, :12] + 0.5
    for pair, got, got_general in zip(boxes, iou, giou, strict=True):
        one, other = ((x > b[0]) & (x < b[2]) & (y > b[1]) & (y < b[3]) for b in pair)
        union = (one | other).sum()
        expected = (one & other).sum() / max(union, 1)
        hull = np.prod(pair[:, 2:].max(axis=0) - pair[:, :2].min(axis=0))
        np.testing.assert_allclose(got, expected, atol=1e-6)
        general = expected - (hull - union) / hull if hull else 0.0
        np.testing.assert_allclose(got_general, general, atol=1e-6)


def test_box_loss_by_hand_and_without_a_box():
    y, p = random_boxes(5), random_boxes(5, seed=1)
    losses = mmzoo.heads.BoxLoss(reduction="none")
    _, giou = overlaps(y, p)
    expected = 5 * np.abs(y - p).sum(axis=-1) + 2 * (1 - array(giou))
    np.testing.assert_allclose(array(losses(y, p)), expected, rtol=1e-5)
    y[2] = np.nan
    assert array(losses(y, p))[2] == 0 and np.isfinite(array(losses(y, p))).all()
    assert np.isnan(array(box_iou(y, p))[2]) and np.isnan(array(box_iou(y, p))).sum() == 1


def slope(function, x):
    """The gradient of a function of one array."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        x = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        return tape.gradient(value, x).numpy()
    import jax

    return np.asarray(jax.grad(lambda x: function(x))(x))


def test_box_loss_pulls_boxes_that_lie_apart_and_leaves_rows_without_one():
    y = np.array([[0.1, 0.1, 0.2, 0.2], [np.nan] * 4], "float32")
    p = np.array([[0.7, 0.7, 0.8, 0.8]] * 2, "float32")
    loss = mmzoo.heads.BoxLoss(l1=0.0, giou=1.0)
    gradient = slope(lambda x: ops.sum(loss(y, x)), p)
    assert np.isfinite(gradient).all() and not gradient[1].any()
    # Downhill is up and left, where the box is: of a shift, both corners of a side have a part.
    assert (gradient[0, :2] + gradient[0, 2:] > 0).all()


def test_mask_loss_by_hand():
    generator = np.random.default_rng(0)
    y = generator.integers(-1, 3, size=(2, 4, 5))
    logits = generator.normal(size=(2, 4, 5, 3)).astype("float32")
    p = array(ops.softmax(logits))
    loss = array(mmzoo.heads.MaskLoss(crossentropy=2.0, dice=3.0, reduction="none")(y, p))
    for row in range(2):
        known = y[row] >= 0
        entropy = -np.log(p[row][known, y[row][known]]).mean()
        dice = []
        for k in (1, 2):
            one, share = (y[row] == k) & known, p[row, ..., k] * known
            dice.append((2 * (one * share).sum() + 1) / (one.sum() + share.sum() + 1))
        np.testing.assert_allclose(loss[row], 2 * entropy + 3 * (1 - np.mean(dice)), rtol=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_mask_that_is_wrong_and_sure_has_a_gradient(classes):
    head = mask_head(class_names=[f"class {i}" for i in range(classes)], dice=0.0)
    head(*fused())
    y = np.ones((ROWS, *SIZE), "int32")
    bias = np.zeros(head.dense.bias.shape, "float32").reshape(-1, head.channels)
    bias[:, 0] = -40.0 if classes == 2 else 40.0
    head.dense.kernel.assign(np.zeros(head.dense.kernel.shape))
    head.dense.bias.assign(bias.ravel())
    loss = array(head.make_loss()(y, head(*fused())))
    np.testing.assert_allclose(loss, 40.0, rtol=1e-3)


def test_mask_iou_by_hand():
    y = np.array([[[1, 1, 0, -1]], [[0, 0, 0, 0]], [[2, 1, 0, 0]]])
    p = np.array([[[1, 0, 1, 1]], [[0, 0, 0, 0]], [[0, 1, 2, 0]]])
    one_hot = np.eye(3, dtype="float32")[p]
    result = array(mask_iou(y, one_hot))
    np.testing.assert_allclose(result, [1 / 3, np.nan, (1 + 0) / 2])
    np.testing.assert_allclose(array(mask_iou(y[:2], (p[:2] == 1).astype("float32"))), result[:2])


@pytest.mark.parametrize(
    ("measure", "batch"),
    [
        ("box", lambda: (random_boxes(6), random_boxes(6, seed=1))),
        (
            "mask",
            lambda: (
                np.random.default_rng(0).integers(0, 2, (6, 4, 4)),
                np.random.default_rng(1).uniform(size=(6, 4, 4)).astype("float32"),
            ),
        ),
    ],
)
def test_the_metric_is_a_mean_over_rows(measure, batch):
    y, p = batch()
    function = {"box": box_iou, "mask": mask_iou}[measure]
    metric = mmzoo.heads.MeanOverlap(measure)
    for rows in (slice(0, 4), slice(4, 6)):
        metric.update_state(y[rows], p[rows])
    np.testing.assert_allclose(float(metric.result()), array(function(y, p)).mean(), rtol=1e-5)
    again = type(metric).from_config(metric.get_config())
    assert again.measure == measure


@pytest.mark.parametrize("make", [box_head, mask_head])
def test_heads_round_trip_and_heed_vector_and_picture(make):
    head = make()
    vector, tokens, mask = fused()
    head(vector, tokens, mask)
    generator = np.random.default_rng(1)
    for weight in head.trainable_variables:
        weight.assign(generator.normal(size=weight.shape).astype("float32") / 2)
    expected = array(head(vector, tokens, mask))
    again = type(head).from_config(json.loads(json.dumps(head.get_config())))
    again(vector, tokens, mask)
    again.set_weights(head.get_weights())
    np.testing.assert_array_equal(array(again(vector, tokens, mask)), expected)
    assert expected.dtype == np.float32
    other = {**tokens, "image": tokens["image"][:, ::-1]}
    assert not np.allclose(array(head(vector, other, mask)), expected)
    assert not np.allclose(array(head(-vector, tokens, mask)), expected)
    text = {**tokens, "text": -tokens["text"]}
    np.testing.assert_array_equal(array(head(vector, text, mask)), expected)


def test_boxes_are_boxes_and_tokens_that_are_masked_do_not_count():
    head = box_head()
    vector, tokens, mask = fused()
    head(vector, tokens, mask)
    generator = np.random.default_rng(1)
    for weight in head.trainable_variables:
        weight.assign(generator.normal(size=weight.shape).astype("float32"))
    boxes = array(head(vector, tokens, mask))
    assert (boxes[:, :2] < boxes[:, 2:]).all()
    mask["image"][0] = False
    mask["image"][1, 1:] = False
    boxes = array(head(vector, tokens, mask))
    assert not boxes[0].any()
    other = {**tokens, "image": tokens["image"] + 7.0 * ~mask["image"][..., None]}
    np.testing.assert_array_equal(array(head(vector, other, mask)), boxes)


def test_a_fresh_head_answers_the_middle_of_the_picture():
    boxes = array(box_head()(*fused()))
    np.testing.assert_allclose(boxes, [[0.25, 0.25, 0.75, 0.75]] * ROWS, atol=1e-6)


def test_a_token_answers_for_its_own_block_of_pixels():
    head = mask_head()
    vector, tokens, mask = fused()
    head(vector, tokens, mask)
    before = array(head(vector, tokens, mask))
    changed = {**tokens, "image": tokens["image"].copy()}
    changed["image"][:, 4] += 1.0  # second row, second column of 2 x 3
    differs = array(head(vector, changed, mask)) != before
    assert differs[:, 8:, 8:16].any() and not differs[:, :8].any()
    assert not differs[:, :, :8].any() and not differs[:, :, 16:].any()


def test_a_grid_that_does_not_divide_the_picture():
    head = mmzoo.heads.Mask(image="image", grid=GRID, size=(15, 23))
    assert tuple(head(*fused()).shape) == (ROWS, 15, 23)


def test_impossible_masks():
    with pytest.raises(ValueError, match="at least two classes"):
        mmzoo.heads.Mask(class_names=["object"])
    for values in ([0, 0], [0], [0, 256]):
        with pytest.raises(ValueError, match="2 different numbers from 0 to 255"):
            mmzoo.heads.Mask(values=values)
