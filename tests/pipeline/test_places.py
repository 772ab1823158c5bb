"""Boxes and masks from raw labels to answers: in pixels of the pictures as they were sent."""

import io
import json

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.preprocessing.codecs.placement import placement
from tests.parts import slow_among
from tests.pipeline.test_pictures import encode, exif

WORDS = ["red", "green", "circle"]
ORIENTATIONS = range(1, 9)


def photo(height, width, orientation=1, format="PNG", seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype="uint8")
    return encode(PIL.Image.fromarray(pixels), format, exif=exif(orientation))


def png(mask):
    return encode(PIL.Image.fromarray(np.asarray(mask, "uint8")), "PNG")


def pixels(content):
    return np.asarray(PIL.Image.open(io.BytesIO(content)))


def inputs(**options):
    encoder = {"class_name": "cnn", "config": {"filters": [4, 8]}}
    options = {"size": (12, 16), "encoder": encoder, **options}
    words = {"class_name": "bag", "config": {"embedding_dim": 8, "pooling": None}}
    text = mmzoo.Text(length=4, vocabulary_size=8, vocabulary=WORDS, encoder=words)
    return {"image": mmzoo.Image(**options), "text": text}


def records(pictures, labels, **options):
    texts = ["the red circle"] * len(pictures)
    return mmzoo.data.from_arrays({"image": pictures, "text": texts}, labels=labels, **options)


def prepared(head, rows, **options):
    preprocessor = mmzoo.Preprocessor(inputs(**options), head=head)
    preprocessor.adapt(rows)
    return preprocessor


def seen(shapes, turns=None, size=(12, 16), policy="stretch"):
    """What the preprocessing gives of pictures that are stored in such shapes."""
    turns = turns or [1] * len(shapes)
    places = [
        placement(shape, shape, turn, tf.constant(size), policy)
        for shape, turn in zip(shapes, turns, strict=True)
    ]
    return {"image": (tf.zeros((len(shapes), *size, 3), tf.uint8), tf.stack(places))}


def learned(target, labels, decoded):
    """The `y` of some labels."""
    y = target.encode(target.check(labels))
    return target.batch(tf.nest.map_structure(tf.constant, y), decoded).numpy()


@pytest.mark.parametrize("policy", ["stretch", "fit", "crop"])
def test_a_box_that_is_predicted_right_is_answered_as_it_was_labelled(policy):
    decoded = seen([(20 + turn, 30 - turn) for turn in ORIENTATIONS], ORIENTATIONS, policy=policy)
    generator = np.random.default_rng(0)
    corners = np.sort(generator.uniform(8, 14, (8, 2, 2)), axis=1)  # in the middle of all
    boxes = corners.reshape(8, 4)
    target = mmzoo.targets.BoxInPicture("image")
    y = learned(target, boxes, decoded)
    assert y.dtype == np.float32 and (y >= 0).all() and (y <= 1).all()
    np.testing.assert_allclose(target.answers(y, decoded), boxes, atol=1e-4)
    served = target.outputs(tf.constant(y), decoded)["box"]
    np.testing.assert_array_equal(served, target.answers(y, decoded))


@pytest.mark.parametrize("policy", ["stretch", "fit"])
def test_a_mask_that_is_predicted_right_is_answered_as_it_was_labelled(policy):
    decoded = seen([(7, 9)] * 8, ORIENTATIONS, (70, 90), policy)
    generator = np.random.default_rng(0)
    masks = [255 * (generator.uniform(size=(7, 9)) < 0.4).astype("uint8") for _ in ORIENTATIONS]
    target = mmzoo.targets.MaskOfPicture("image", values=[0, 255])
    y = learned(target, [png(mask) for mask in masks], decoded)
    assert y.shape == (8, 70, 90) and y.dtype == np.int16
    assert (y == -1).any() == (policy == "fit")  # beside those that lie on their side is nothing
    for answer, mask in zip(
        target.answers((y == 1).astype("float32"), decoded), masks, strict=True
    ):
        np.testing.assert_array_equal(pixels(answer), mask)
    one_hot = np.eye(3, dtype="float32")[np.maximum(y, 0)]
    several = mmzoo.targets.MaskOfPicture("image", ["nothing", "cat", "dog"], [0, 255, 7])
    for answer, mask in zip(several.answers(one_hot, decoded), masks, strict=True):
        np.testing.assert_array_equal(pixels(answer), mask)


def test_what_a_cropped_picture_does_not_show():
    boxes = [[0, 0, 6, 10], [0, 0, 20, 10], [12, 2, 18, 8], [3, 3, 3, 3], [15, 5, 15, 5]]
    decoded = seen([(10, 30)] * 5, size=(10, 10), policy="crop")
    target = mmzoo.targets.BoxInPicture("image")
    y = learned(target, boxes, decoded)
    # It shows x from 10 to 20: nothing of the first; a point outside is one at the border.
    assert np.isnan(y[0]).all() and np.isfinite(y[1:]).all()
    np.testing.assert_allclose(y[1:3], [[0, 0, 1, 1], [0.2, 0.2, 0.8, 0.8]], atol=1e-6)
    np.testing.assert_allclose(y[4], [0.5] * 4, atol=1e-6)
    np.testing.assert_allclose(target.answers(y, decoded)[1], [10, 0, 20, 10], atol=1e-5)
    mask = np.zeros((10, 30), "uint8")
    mask[:, :12] = 1
    decoded = seen([(10, 30)], size=(10, 10), policy="crop")
    target = mmzoo.targets.MaskOfPicture("image")
    y = learned(target, [mask], decoded)
    assert (y[0, :, :2] == 1).all() and not y[0, :, 2:].any()
    answer = pixels(target.answers((y == 1).astype("float32"), decoded)[0])
    np.testing.assert_array_equal(answer, mask * (np.arange(30) >= 10))


def test_labels_in_every_form(tmp_path):
    boxes = [[1, 2, 3, 4], np.array([1.0, 2, 3, 4]), "[1, 2, 3, 4]", "1 2 3 4", (1, 2, 3, 4)]
    target = mmzoo.targets.BoxInPicture("image")
    np.testing.assert_array_equal(target.check(boxes), [[1, 2, 3, 4]] * 5)
    mask = (np.random.default_rng(0).uniform(size=(6, 8)) < 0.5).astype("uint8")
    (tmp_path / "mask.png").write_bytes(png(mask))
    forms = {
        "bytes": png(mask),
        "array": mask,
        "numbers": mask.astype("float64"),
        "channel": mask[..., None].astype(bool),
        "path": str(tmp_path / "mask.png"),
        "Path": tmp_path / "mask.png",
        "relative": "mask.png",
    }
    preprocessor = mmzoo.Preprocessor(inputs(), head="mask")
    target, decoded = preprocessor.targets["head"], seen([(6, 8)] * 2)
    for form, label in forms.items():
        rows = records([np.zeros((6, 8, 3), "uint8")] * 2, [label, label], root=str(tmp_path))
        y, present = preprocessor.encode(rows)
        assert present["head"].all(), form
        y = target.batch(tf.nest.map_structure(tf.constant, y["head"]), decoded).numpy()
        np.testing.assert_array_equal(y[:, ::2, ::2], [mask] * 2, err_msg=form)


BAD_BOXES = {
    "x1 < x0": ([5, 1, 2, 3], r"row 1: the box \[5.0, 1.0, 2.0, 3.0\] has x1 < x0"),
    "y1 < y0": ([1, 5, 2, 3], "row 1.*has y1 < y0"),
    "three numbers": ([1, 2, 3], "row 1.*is no box: .*four numbers"),
    "words": ("left", "row 1.*'left' is no box"),
    "infinite": ([0, 0, np.inf, 1], "row 1.*is no box"),
    "wide": (
        [2, 2, 9, 4],
        r"row 1: the box \[2, 2, 9, 4\] does not lie in its picture 'image', which is 8 pixels "
        "wide and 6 high",
    ),
    "negative": ([-1, 2, 3, 4], "row 1: the box .* does not lie in its picture"),
}


@pytest.mark.parametrize("bad", BAD_BOXES)
def test_bad_boxes_are_named(bad):
    label, message = BAD_BOXES[bad]
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=message):
        learned(mmzoo.targets.BoxInPicture("image"), [[1, 1, 2, 2], label], seen([(6, 8)] * 2))


BAD_MASKS = {
    "size": (png(np.zeros((8, 6))), "row 1: the mask has 8 x 6 pixels .*its picture 'image' 6 x 8"),
    "value": (
        png(np.eye(6, 8) * 3),
        "row 1: the mask has a pixel of 3, .*classes have the values 0, 1",
    ),
    "no png": (photo(6, 8, format="JPEG"), "row 1: the mask of 'image' must be a PNG"),
    "palette": (
        encode(PIL.Image.fromarray(np.zeros((6, 8), "uint8")).convert("P"), "PNG"),
        "row 1: .* without a palette",
    ),
    "channels": (np.zeros((6, 8, 3)), r"row 1: .*must have the shape \(height, width\)"),
    "fraction": (np.full((6, 8), 0.5), "row 1: a mask has whole numbers .*received 0.5"),
    "a number": (7, "row 1: the label 7 is no mask"),
}


@pytest.mark.parametrize("bad", BAD_MASKS)
def test_bad_masks_are_named(bad):
    label, message = BAD_MASKS[bad]
    good = png(np.zeros((6, 8)))
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match=message):
        learned(mmzoo.targets.MaskOfPicture("image"), [good, label], seen([(6, 8)] * 2))


def test_other_things_that_can_not_be(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"row 0: no such file: .*none.png"):
        mmzoo.targets.MaskOfPicture("image").encode([str(tmp_path / "none.png")])
    with pytest.raises(ValueError, match="answers with a place in a picture"):
        mmzoo.Preprocessor({"text": inputs()["text"]}, head="box")
    with pytest.raises(ValueError, match="received image='photo'"):
        mmzoo.Preprocessor(inputs(), head=mmzoo.heads.Box(image="photo"))
    with pytest.raises(ValueError, match="flip of 'image' moves"):
        mmzoo.build_model(inputs=inputs(augmentation=["flip", "color"]), head="box", dim=8)
    pooled = {"class_name": "cnn", "config": {"filters": [4], "pooling": "mean"}}
    with pytest.raises(ValueError, match="does not know where the tokens"):
        mmzoo.build_model(inputs=inputs(encoder=pooled), head="box", dim=8)
    model = mmzoo.build_model(inputs=inputs(), head="box", dim=8)
    asked = {"image": [np.zeros((6, 8, 3), "uint8")], "text": ["red"]}
    with pytest.raises(ValueError, match=r"Preprocessor\(inputs, head=head\)"):
        mmzoo.predict(model, mmzoo.Preprocessor(inputs()), asked)


def labelled(kind, count=6):
    """Pictures of several sizes and orientations, and their labels."""
    sizes = [(20 + row, 30 - row) for row in range(count)]
    pictures = [photo(*size, 1 + row) for row, size in enumerate(sizes)]
    if kind == "box":
        return pictures, [[2, 3, 12, 14 + row] for row in range(count)]
    return pictures, [png(np.eye(*size) * 255) for size in sizes]


@pytest.mark.parametrize("kind", slow_among(["box", "mask"], slow=["mask"]))
@pytest.mark.end_to_end
def test_the_whole_way(kind, tmp_path):
    head = mmzoo.heads.Box() if kind == "box" else mmzoo.heads.Mask(values=[0, 255])
    pictures, labels = labelled(kind)
    rows = records(pictures, labels)
    preprocessor = prepared(head, rows, optional=True)
    options = {"inputs": preprocessor.inputs, "dim": 8}
    model = mmzoo.build_model(fusion="gated_cross_attention", head=head, **options)
    data = rows.to_dataset(preprocessor, batch_size=6)
    history = model.fit(data, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all() and 0 <= history["mean_iou"][0] <= 1
    report = mmzoo.evaluate(model, data)
    assert report.task == kind and 0 <= report.mean_iou <= 1 and 0 <= report.iou_over_half <= 1
    assert json.loads(json.dumps(report.to_dict()))["figures"]["mean_iou"] == report.mean_iou

    asked = {"image": [*pictures, None], "text": ["red circle"] * 7}
    answers = mmzoo.predict(model, preprocessor, asked, batch_size=4)
    mmzoo.save(model, preprocessor, tmp_path / "model")
    again = mmzoo.predict(*mmzoo.load(tmp_path / "model"), asked)
    folder = mmzoo.export_savedmodel(model, preprocessor, tmp_path / "serving")
    served = tf.saved_model.load(folder).signatures["serving_default"](
        image=tf.constant([*pictures, b"", b"broken"]), text=tf.constant(["red circle"] * 8)
    )
    assert served["ok"].numpy().tolist() == [True] * 7 + [False]
    if kind == "box":
        sizes = np.array([pixels(picture).shape[1::-1] for picture in pictures])
        assert answers.shape == (7, 4) and np.isnan(answers[6]).all()
        assert (answers[:6] >= 0).all() and (answers[:6] <= np.tile(sizes, 2)).all()
        np.testing.assert_allclose(again, answers, atol=1e-3)
        np.testing.assert_allclose(served["box"].numpy()[:7], answers, atol=1e-3)
        assert np.isnan(served["box"].numpy()[7]).all()
    else:
        assert answers[6] is None and again == answers
        assert [pixels(a).shape for a in answers[:6]] == [pixels(p).shape[:2] for p in pictures]
        assert all({*np.unique(pixels(answer))} <= {0, 255} for answer in answers[:6])
        same = [a == (b or None) for a, b in zip(answers, served["mask"].numpy(), strict=False)]
        assert all(same) and served["mask"].numpy()[7] == b""
    card = (tmp_path / "serving" / "model_card.md").read_text()
    assert f"`{kind}`" in card and "as sent" in card


@pytest.mark.end_to_end
def test_a_place_beside_another_answer():
    pictures = [np.zeros((20, 30, 3), "uint8")] * 4
    boxes = [[2, 3, 12, 14]] * 4
    heads = {"place": mmzoo.heads.Box(), "kind": mmzoo.heads.Softmax(class_names=["a", "b"])}
    labels = {"place": [*boxes[:3], None], "kind": ["a", "b", "a", "b"]}
    rows = records(pictures, labels)
    preprocessor = prepared(heads, rows)
    model = mmzoo.build_model(inputs=preprocessor.inputs, head=heads, fusion="sum", dim=8)
    x, y, weights = next(iter(rows.to_dataset(preprocessor, batch_size=4)))
    assert np.isnan(y["place"][3]).all() and weights["place"].numpy().tolist() == [1, 1, 1, 0]
    loss = model.train_on_batch(x, y, weights)
    assert np.isfinite(loss).all()
    answers = mmzoo.predict(model, preprocessor, {"image": pictures, "text": ["red"] * 4})
    assert answers["place"].shape == (4, 4) and answers["kind"].shape == (4, 2)


def test_an_absent_picture_is_masked_for_the_head():
    model = mmzoo.build_model(inputs=inputs(optional=True), head="box", fusion="sum", dim=8)
    x = {
        "image": np.zeros((2, 12, 16, 3), "float32"),
        "image_present": np.array([True, False]),
        "text": np.ones((2, 4), "int32"),
    }
    boxes = np.asarray(model(x))
    assert boxes[0].any() and not boxes[1].any()
