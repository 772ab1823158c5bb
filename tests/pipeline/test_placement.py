"""Places in a picture: from the file as it was sent into the model's picture, and back."""

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.preprocessing.codecs.placement import inverted, map_boxes, place_mask, undo_mask
from tests.parts import slow_among
from tests.pipeline.test_pictures import encode, exif

POLICIES = ("stretch", "fit", "crop")
SIZES = ((24, 40), (40, 24), (30, 30))
#: One policy in the default run, all in CI's own step.
every_policy = pytest.mark.parametrize(
    "policy", slow_among(POLICIES, {"stretch", "crop"}, pytest.mark.end_to_end)
)
ORIENTATIONS = range(1, 9)
BOX = np.array([5, 6, 17, 13])  # x0, y0, x1, y1 of what is drawn into the pictures


def drawn(height=20, width=32, scale=1):
    """A dark picture with one bright box."""
    pixels = np.zeros((height * scale, width * scale, 3), "uint8")
    x0, y0, x1, y1 = BOX * scale
    pixels[y0:y1, x0:x1] = 255
    return pixels


def png(orientation=1):
    return encode(PIL.Image.fromarray(drawn()), "PNG", exif=exif(orientation))


def decoded(values, **options):
    """Pictures as a model sees them, `(B, H, W, C)` float, and their placements."""
    part = mmzoo.Preprocessor({"image": mmzoo.Image(**options)}).preprocessings["image"]
    part.gives_placement = True
    rows, ok = part.decode(*part.column(values, None))
    assert ok.numpy().all()
    tensors, _ = part.batch(rows)
    return tensors["image"].numpy().astype("float32"), part.placements(rows)


def within(box, size, margin=0.0):
    """`size` bool: the pixels whose middle lies in a box, or not further from it than a margin."""
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    x0, y0, x1, y1 = box + np.array([-margin, -margin, margin, margin])
    return (x > x0) & (x < x1) & (y > y0) & (y < y1)


@every_policy
@pytest.mark.parametrize("size", slow_among(SIZES, slow=SIZES[1:]))
def test_boxes_are_where_the_model_sees_them_and_come_back_exactly(policy, size):
    values = [png(orientation) for orientation in ORIENTATIONS]
    boxes = np.tile(BOX.astype(float), (len(values), 1))
    pictures, places = decoded(values, size=size, resize=policy)
    assert places[:, :2].numpy().tolist() == [[20, 32]] * len(values)
    mapped = map_boxes(places, boxes)
    np.testing.assert_allclose(map_boxes(inverted(places), mapped), boxes, atol=1e-9)
    height, width = size
    for orientation, picture, box in zip(ORIENTATIONS, pictures, mapped.numpy(), strict=True):
        box = np.clip(box, 0, [width, height, width, height])
        inside, outside = within(box, size, -1), ~within(box, size, 1.5)
        # "fit" lays pictures on white: of what is further away nothing is said.
        outside &= within(box, size, 2)
        message = f"{policy} {size} orientation {orientation}: {box}"
        assert inside.any() and outside.any(), message
        assert (picture[inside] > 200).all() and (picture[outside] < 55).all(), message


@every_policy
def test_masks_come_back(policy):
    mask = (drawn()[..., 0] > 0).astype("uint8")
    values = [png(orientation) for orientation in ORIENTATIONS]
    pictures, places = decoded(values, size=(60, 80), resize=policy)
    for orientation, picture, place in zip(ORIENTATIONS, pictures, places, strict=True):
        seen = place_mask(place, mask, (60, 80), outside=255).numpy()
        message = f"{policy} orientation {orientation}"
        there = seen != 255
        differs = (picture[..., 0] > 127) != (seen == 1)
        assert differs[there].mean() < 0.02, message  # the border, to half a pixel
        if policy != "fit":
            assert there.all()
        values = tf.one_hot(tf.where(seen == 255, 0, tf.cast(seen, tf.int32)), 2)
        back = undo_mask(place, values, outside=[1.0, 0.0]).numpy()
        assert back.shape == (20, 32, 2), message
        visible = np.ones((20, 32), bool)
        if policy == "crop":  # what the model did not see is of the first class
            corners = map_boxes(inverted(place), [0.0, 0.0, 80.0, 60.0]).numpy()
            visible = within(corners, (20, 32), 1e-6)
            assert (back[~visible] == [1, 0]).all(), message
        np.testing.assert_array_equal(back.argmax(-1)[visible], mask[visible], err_msg=message)


@pytest.mark.parametrize("policy", slow_among(POLICIES, slow=["stretch", "fit"]))
def test_a_jpeg_that_is_decoded_at_a_fraction(policy):
    pixels = np.zeros((1001, 1603, 3), "uint8")
    pixels[301:650, 250:850] = 255
    box = np.array([250.0, 301, 850, 650])
    photo = PIL.Image.fromarray(pixels)
    values = [encode(photo, "JPEG", quality=95, exif=exif(turn)) for turn in (1, 6)]
    pictures, places = decoded(values, size=(60, 60), resize=policy)
    assert places[:, :2].numpy().tolist() == [[1001, 1603]] * 2
    for picture, seen in zip(pictures, map_boxes(places, box[None]).numpy(), strict=True):
        x0, y0, x1, y1 = np.clip(seen, 0, 60)
        gray = np.where(within(seen, (60, 60), 3), picture[..., 0] / 255, 0.0)
        # Along lines through it the brightness sums up to its length, to a fraction of a pixel.
        across, down = gray[int((y0 + y1) / 2)], gray[:, int((x0 + x1) / 2)]
        for line, start, end in ((across, x0, x1), (down, y0, y1)):
            assert abs(line.sum() - (end - start)) < 0.2
            middle = (line * (np.arange(60) + 0.5)).sum() / line.sum()
            assert abs(middle - (start + end) / 2) < 0.1


def test_arrays_absent_and_optional_pictures():
    options = {"size": (10, 16), "optional": True}
    pictures, places = decoded([drawn(), None], **options)
    assert places[0, :2].numpy().tolist() == [20, 32] and not places[1].numpy().any()
    assert map_boxes(places[:1], BOX[None].astype(float)).numpy().tolist() == [[2.5, 3, 8.5, 6.5]]
    assert not pictures[1].any() and not np.isfinite(inverted(places)[1, 2:].numpy()).any()


def test_nothing_changes_where_no_answer_is_a_place():
    part = mmzoo.Preprocessor({"image": mmzoo.Image(size=8)}).preprocessings["image"]
    rows, _ = part.decode(tf.constant([png()]))
    assert isinstance(rows, tf.Tensor) and rows.shape == (1, 8, 8, 3)
