"""The encoder of videos: frames that are not there, order in time, and who reads a frame."""

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo.encoders import Adapter, ImageCNN, VideoFrames
from tests.parts import disturb, predict, tensors, text, video

FILTERS = {"class_name": "cnn", "config": {"filters": [4, 8]}}


def encode(encoder, frames, mask=None):
    x = frames if mask is None else {"frames": frames, "mask": mask}
    return [ops.convert_to_numpy(output) for output in encoder(x)]


def frames(rows=2, count=4):
    return np.random.default_rng(0).uniform(0, 255, (rows, count, 8, 8, 3)).astype("float32")


@pytest.mark.parametrize("normalization", [None, "batch"])
def test_what_stands_for_a_missing_frame_has_no_influence(normalization):
    config = {"filters": [4, 8], "normalization": normalization}
    encoder = VideoFrames({"class_name": "cnn", "config": config}, dim=8)
    mask = np.array([[True] * 4, [True, False, True, False]])
    x = frames()
    encoder({"frames": x, "mask": mask})
    changed = np.where(mask[..., None, None, None], x, np.nan)
    results = []
    for values in (x, changed):
        tokens, valid = encoder({"frames": values, "mask": mask}, training=True)
        assert ops.convert_to_numpy(valid).tolist() == mask.tolist()
        results.append(ops.convert_to_numpy(tokens)[mask])
    np.testing.assert_array_equal(*results)


def test_without_positions_the_frames_are_a_set():
    x, order = frames(), [2, 0, 3, 1]
    for positions in (True, False):
        encoder = VideoFrames(FILTERS, dim=8, temporal_positions=positions, pooling="mean")
        encoder(x)
        disturb(encoder)
        same = np.allclose(encode(encoder, x)[0], encode(encoder, x[:, order])[0], atol=1e-5)
        assert same is not positions


def test_all_tokens_of_all_frames():
    tokens, mask = encode(VideoFrames(FILTERS, dim=8, frame_pooling=None), frames())
    assert tokens.shape == (2, 4 * 4, 8) and mask.shape == (2, 4 * 4)
    gaps = np.array([[True, False, True, True]] * 2)
    _, mask = encode(VideoFrames(FILTERS, dim=8, frame_pooling=None), frames(), gaps)
    assert mask[0].tolist() == np.repeat(gaps[0], 4).tolist()


@pytest.mark.parametrize(
    "encoder",
    [
        pytest.param("resnet", marks=pytest.mark.end_to_end),
        pytest.param(
            {
                "class_name": "vit",
                "config": {"patch_size": 4, "dim": 8, "depth": 1, "num_heads": 2},
            },
            marks=pytest.mark.end_to_end,
        ),
        ImageCNN(filters=(4, 8)),
        pytest.param(
            keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(5)]),
            marks=pytest.mark.end_to_end,
        ),
        VideoFrames(FILTERS, dim=8, temporal_positions=False),
        {"class_name": "frames", "config": {"frame_encoder": FILTERS, "dim": 8}},
        Adapter(keras.Sequential([keras.layers.Reshape((4, 192)), keras.layers.Dense(6)])),
    ],
)
def test_who_reads_a_frame(encoder, tmp_path):
    modality = video(encoder)
    if not isinstance(encoder, keras.layers.Layer):
        config = modality.get_config()
        assert mmzoo.Video.from_config(config).get_config() == config
    model = mmzoo.build_model(inputs={"video": modality}, head="sigmoid", dim=8)
    x = tensors(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(predict(loaded, x), predict(model, x))


def test_a_video_that_is_absent():
    inputs = {"video": video(optional=True), "text": text()}
    model = mmzoo.build_model(inputs=inputs, fusion="cross_attention", head="sigmoid", dim=8)
    x = {**tensors(model), "video_present": np.array([False, True] * 2)}
    changed = {**x, "video": np.array(x["video"])}
    changed["video"][::2] = np.nan
    np.testing.assert_array_equal(predict(model, changed), predict(model, x))
