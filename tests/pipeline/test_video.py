"""Videos: which frames are taken, where they come from, and bad ones."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data import from_arrays
from tests.pipeline.raw import encoded, picture

FRAMES = 3


def clip(count, seed=0):
    """An array of frames that differ."""
    return np.random.default_rng(seed).integers(0, 256, (count, 6, 8, 3), "uint8")


def tensors(values, root=None, training=False, **options):
    inputs = {"video": mmzoo.Video(FRAMES, size=(6, 8), **options)}
    records = from_arrays({"video": values}, root=root)
    dataset = records.to_dataset(mmzoo.Preprocessor(inputs), training=training)
    return {name: x.numpy() for name, x in next(iter(dataset)).items()}


@pytest.fixture
def files(tmp_path):
    """A folder with ten frames, and the pixels of each."""
    pixels = clip(10)
    for number, frame in enumerate(pixels):
        (tmp_path / f"{number}.png").write_bytes(encoded(frame))
    return tmp_path, pixels


def test_frames_are_taken_evenly_and_padded():
    assert tensors([clip(10)])["video"][0].tolist() == clip(10)[[1, 5, 8]].tolist()
    x = tensors([clip(10), clip(3), clip(1)])
    assert x["video"].dtype == "uint8"
    assert x["video_mask"].tolist() == [[True] * 3, [True] * 3, [True, False, False]]
    assert x["video"][1].tolist() == clip(3).tolist()
    assert x["video"][2, 0].tolist() == clip(1)[0].tolist() and not x["video"][2, 1:].any()


@pytest.mark.slow
def test_bytes_paths_arrays_and_json_are_the_same(files):
    root, pixels = files
    names = [f"{number}.png" for number in range(10)]
    expected = tensors([pixels])["video"]
    for value in (
        [(root / name).read_bytes() for name in names],
        [pathlib.Path(root / name) for name in names],
        ["", *names[:5], "", *names[5:]],
        json.dumps(names),
        list(pixels),
    ):
        np.testing.assert_array_equal(tensors([value], root=str(root))["video"], expected)


@pytest.mark.slow
def test_only_the_frames_that_are_taken_are_read(files):
    root, _ = files
    for number in (0, 2, 3, 4, 6, 7, 9):
        (root / f"{number}.png").write_bytes(b"junk")
    tensors([[f"{number}.png" for number in range(10)]], root=str(root))


@pytest.mark.slow
def test_frames_are_decoded_as_pictures_are():
    wide = encoded(clip(1, seed=3)[0][:4], "PNG")
    rotated = encoded(clip(1)[0].transpose(1, 0, 2), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01"
                      b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0")  # fmt: skip
    options = {"resize": "fit", "channels": 1}
    one_by_one = mmzoo.Preprocessor({"image": mmzoo.Image(size=(6, 8), **options)})
    expected = one_by_one({"image": [wide, rotated]})["image"].numpy()
    x = tensors([[wide, rotated]], **options)
    np.testing.assert_array_equal(x["video"][0, :2], expected)


def test_arrays_of_any_size_and_gray_ones():
    x = tensors([clip(2)[:, :3, :4], clip(2)[..., 0]])
    assert x["video"].shape == (2, FRAMES, 6, 8, 3)
    gray = np.repeat(clip(2)[..., :1], 3, axis=-1)
    np.testing.assert_array_equal(x["video"][1, :2], gray)


@pytest.mark.end_to_end
def test_absent_videos():
    values = [clip(2), None, [], np.zeros((0, 6, 8, 3), "uint8")]
    x = tensors(values, optional=True)
    assert x["video_present"].tolist() == [True, False, False, False]
    assert not x["video_mask"][1:].any() and not x["video"][1:].any()
    x = tensors([[picture("red")], ["", b""], "[]"], optional=True)
    assert x["video_present"].tolist() == [True, False, False]
    with pytest.raises(ValueError, match=r"'video' is not optional.*row 1.*Video\("):
        tensors([[picture("red")], ["", ""]])


def test_augmentation_is_the_same_for_all_frames():
    values = [np.repeat(clip(1, seed), FRAMES, axis=0) for seed in range(6)]
    x = tensors(values, training=True, augmentation=["crop", "color", "flip"])["video"]
    assert (x == x[:, :1]).all()
    originals = {value[0].tobytes() for value in values}
    assert not originals & {frames[0].tobytes() for frames in x}


@pytest.mark.slow
def test_a_frame_that_cannot_be_read_is_named(files):
    root, _ = files
    (root / "1.png").write_bytes(b"junk")
    good, bad = ["2.png", "3.png"], ["0.png", "1.png"]
    inputs = {"video": mmzoo.Video(FRAMES, size=(6, 8), optional=True)}
    records = from_arrays({"video": [good, bad]}, root=str(root))
    message = r"readable video in .*row 1 \(frame 1 \(1.png\)\)"
    with pytest.raises(ValueError, match=message):
        records.validate(inputs).check()
    preprocessor = mmzoo.Preprocessor(inputs)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        list(records.to_dataset(preprocessor))
    (x,) = records.to_dataset(preprocessor, on_error="missing")
    assert x["video_present"].numpy().tolist() == [True, False]
    (x,) = records.to_dataset(preprocessor, on_error="skip")
    assert len(x["video"]) == 1


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (["nope.png"], FileNotFoundError, "nope.png.*row 1"),
        ("a cat", ValueError, "row 1: 'video': 'a cat' is not a list of paths"),
        ("[1, 2]", ValueError, "is not a list of paths"),
        (3, TypeError, "row 1: 'video' takes a list of frames or an array; received: 3"),
        (np.zeros((4, 4), "uint8"), ValueError, r"received an array of shape \(4, 4\)"),
        (np.full((2, 4, 4), 300.0), ValueError, "values from 300 to 300"),
    ],
)
def test_bad_values(value, error, message):
    good = clip(1) if isinstance(value, np.ndarray) else [picture("red")]
    with pytest.raises(error, match=message):
        tensors([good, value])


@pytest.mark.slow
def test_a_batch_of_lists_of_different_lengths():
    preprocessor = mmzoo.Preprocessor({"video": mmzoo.Video(FRAMES, size=(6, 8))})
    batch = preprocessor({"video": [[picture("red")], [picture("red"), picture("blue")]]})
    assert batch["video_mask"].numpy().sum(axis=1).tolist() == [1, 2]
    element = preprocessor.element({"video": [picture("red")] * 2})
    assert element["video"][0].shape == (FRAMES, 6, 8, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": 0, "size": 4}, "frames"),
        ({"frames": 2}, "`size` is missing"),
        ({"frames": 2, "size": (0, 3)}, "positive"),
        ({"frames": 2, "size": 4, "resize": "shrink"}, "resize"),
    ],
)
def test_impossible_configurations(options, message):
    with pytest.raises(ValueError, match=message):
        mmzoo.Video(**options)
