"""The front end and the encoders of sounds, against NumPy and without influence of padding."""

import keras
import numpy as np
import pytest
from keras import ops

import mmzoo
from mmzoo import layers
from mmzoo.testing.properties import answer, build_with
from tests.layers.test_properties import gradients
from tests.parts import audio, disturb, labels, predict, tensors, text, tiny

RATE, SAMPLES = 8000, 4000
ENCODERS = mmzoo.encoders.names("audio")
NOISE = np.random.default_rng(0).normal(size=(3, SAMPLES)).astype("float32")
LENGTHS = np.array([SAMPLES, 2345, 1])
MASK = np.arange(SAMPLES) < LENGTHS[:, None]


def log_mel(waveform=NOISE, mask=MASK, **options):
    layer = layers.LogMelSpectrogram(RATE, mel_bins=40, **options)
    return [ops.convert_to_numpy(part) for part in layer(np.asarray(waveform, "float32"), mask)]


def reference(waveform, length, window=200, stride=80, mel_bins=40):
    """The frames of one clip in float64, written out frame by frame."""
    fft_length = 512
    clip = np.concatenate([np.zeros(fft_length), waveform[:length], np.zeros(fft_length)])
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    mel = lambda f: 2595 * np.log10(1 + f / 700)  # noqa: E731
    hertz = 700 * (10 ** (np.linspace(mel(20), mel(RATE / 2), mel_bins + 2) / 2595) - 1)
    frequencies = np.arange(fft_length // 2 + 1) * RATE / fft_length
    rows = []
    for center in range(0, length, stride):
        start = fft_length + center - window // 2
        power = np.abs(np.fft.rfft(clip[start : start + window] * hann, fft_length)) ** 2
        bands = []
        for low, middle, high in zip(hertz, hertz[1:], hertz[2:], strict=False):
            rising = (mel(frequencies) - mel(low)) / (mel(middle) - mel(low))
            falling = (mel(high) - mel(frequencies)) / (mel(high) - mel(middle))
            bands.append(power @ np.clip(np.minimum(rising, falling), 0, None))
        rows.append(bands)
    level = np.log10(np.maximum(rows, 1e-10))
    level = np.maximum(level, level.max() - 8)
    return (level - level.mean()) / np.sqrt(level.var() + 1e-6)


def test_frames_are_those_of_the_definition():
    frames, mask = log_mel()
    assert frames.shape == (3, 50, 40) and frames.dtype == "float32"
    for row, length in enumerate(LENGTHS):
        count = -(-length // 80)
        assert mask[row].tolist() == [True] * count + [False] * (50 - count)
        expected = reference(NOISE[row].astype("float64"), length)
        np.testing.assert_allclose(frames[row, :count], expected, rtol=1e-5, atol=2e-5)
        assert (frames[row, count:] == 0).all()


def test_frames_of_speech_like_sound():
    times = np.arange(SAMPLES) / RATE
    harmonics = sum(np.sin(2 * np.pi * 120 * k * times) / k**2 for k in range(1, 30))
    waveform = harmonics * (0.1 + np.sin(2 * np.pi * 4 * times) ** 2) + 1e-3 * NOISE[0]
    frames, _ = log_mel(waveform[None], MASK[:1])
    expected = reference(waveform.astype("float32").astype("float64"), SAMPLES)
    np.testing.assert_allclose(frames[0], expected, rtol=1e-5, atol=2e-5)


def test_what_is_not_valid_changes_nothing():
    frames, mask = log_mel()
    for value in (np.nan, 1e4):
        changed, _ = log_mel(np.where(MASK, NOISE, value))
        np.testing.assert_array_equal(changed, frames)
    longer, longer_mask = log_mel(
        np.pad(NOISE, [(0, 0), (0, 333)]), np.pad(MASK, [(0, 0), (0, 333)])
    )
    np.testing.assert_allclose(longer[:, :50], frames, atol=1e-5)
    np.testing.assert_array_equal(longer_mask[:, :50], mask)
    assert not longer_mask[:, 50:].any()


def test_silence_and_loudness():
    silent, _ = log_mel(np.zeros_like(NOISE))
    assert (silent == 0).all()
    nothing, mask = log_mel(NOISE, np.zeros_like(MASK))
    assert (nothing == 0).all() and not mask.any()
    np.testing.assert_allclose(log_mel(0.01 * NOISE)[0], log_mel()[0], atol=1e-4)
    clipped, _ = log_mel(np.clip(5 * NOISE, -1, 1))
    assert np.isfinite(clipped).all()


def test_half_precision_rounds_the_frames_alone():
    exact, _ = log_mel()
    rounded, _ = log_mel(dtype="mixed_bfloat16")
    np.testing.assert_array_equal(
        rounded, ops.convert_to_numpy(ops.cast(ops.convert_to_tensor(exact), "bfloat16"))
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_rate": 800, "mel_bins": 64}, "too many"),
        ({"sample_rate": 8000, "highest_frequency": 5000}, "half the sample rate"),
        ({"sample_rate": 8000, "lowest_frequency": -1}, "half the sample rate"),
        ({"sample_rate": 8000, "stride_seconds": 0.1}, "stride"),
        ({"sample_rate": 10}, "stride"),
    ],
)
def test_impossible_spectrograms(options, message):
    with pytest.raises(ValueError, match=message):
        layers.LogMelSpectrogram(**options)


def test_masked_convolution_is_centred_whatever_the_length():
    for size, stride in ((3, 2), (5, 3), (4, 2), (1, 1)):
        convolution = keras.layers.Conv1D(2, size, stride)
        for length in (6, 7):
            x = NOISE[:, : 2 * length].reshape(3, length, 2)
            mask = np.arange(length) < np.array([[length], [4], [0]])
            y, y_mask = layers.masked_convolution(convolution, x, mask)
            kernel, bias = (ops.convert_to_numpy(w) for w in convolution.weights)
            padded = np.pad(np.where(mask[..., None], x, 0), [(0, 0), (9, 9), (0, 0)])
            for t in range(-(-length // stride)):
                start = 9 + t * stride - (size - 1) // 2
                window = padded[:, start : start + size]
                expected = np.einsum("btc,tcd->bd", window, kernel) + bias
                np.testing.assert_allclose(ops.convert_to_numpy(y)[:, t], expected, atol=1e-5)
                np.testing.assert_array_equal(
                    ops.convert_to_numpy(y_mask)[:, t], mask[:, t * stride]
                )


# Augmentation


def test_spec_augment():
    frames, mask = np.ones((40, 50, 16), "float32"), np.arange(50) < np.full((40, 1), 30)
    layer = layers.SpecAugment(seed=1)
    np.testing.assert_array_equal(layer(frames, mask, training=False), frames)
    first = ops.convert_to_numpy(layer(frames, mask, training=True))
    second = ops.convert_to_numpy(layer(frames, mask, training=True))
    assert not np.array_equal(first, second)
    again = layers.SpecAugment(seed=1)(frames, mask, training=True)
    np.testing.assert_array_equal(first, ops.convert_to_numpy(again))
    assert set(np.unique(first)) == {0, 1}
    hidden_times = (first == 0).all(axis=2)
    hidden_bins = (first == 0).all(axis=1)
    np.testing.assert_array_equal(first == 0, hidden_times[:, :, None] | hidden_bins[:, None])
    assert not hidden_times[:, 30:].any()  # only valid frames are hidden
    assert 0 < hidden_times.sum(axis=1).max() <= 2 * round(0.15 * 30)
    assert 0 < hidden_bins.sum(axis=1).max() <= 2 * round(0.2 * 16)
    assert len({row.tobytes() for row in hidden_times}) > 10  # every row draws its own


def test_noise_has_the_ratio_that_is_asked_for():
    layer = layers.AdditiveNoise(lowest_ratio=6, highest_ratio=12, seed=1)
    waveform = (np.where(MASK, NOISE, 0)[:2] * [[0.1], [3.0]]).astype("float32")
    np.testing.assert_array_equal(layer(waveform, MASK[:2], training=False), waveform)
    noise = ops.convert_to_numpy(layer(waveform, MASK[:2], training=True)) - waveform
    assert (noise[~MASK[:2]] == 0).all()
    ratios = 10 * np.log10((waveform**2).sum(axis=1) / (noise**2).sum(axis=1))
    assert ((ratios > 5.8) & (ratios < 12.2)).all() and abs(ratios[0] - ratios[1]) > 0.1
    silence = layer(np.zeros_like(NOISE), MASK, training=True)
    assert (ops.convert_to_numpy(silence) == 0).all()


def test_the_modality_hands_augmentation_to_its_encoder():
    sound = audio(augmentation=["noise", "specaugment"])
    for encoder in ("cnn", mmzoo.encoders.AudioCNN(filters=[4])):
        model = mmzoo.build_model(
            inputs={"audio": audio(encoder, augmentation=sound.augmentation)}, head="sigmoid", dim=8
        )
        x = tensors(model)
        np.testing.assert_array_equal(predict(model, x), predict(model, x))
        trained = [ops.convert_to_numpy(model(x, training=True)) for _ in range(2)]
        assert not np.array_equal(*trained)
    with pytest.raises(ValueError, match="none of them"):
        audio(keras.layers.Dense(3), augmentation="noise")


# Encoders


def model_of(encoder, seconds=0.1, **options):
    encoder = tiny(encoder, mmzoo.encoders.ENCODERS["audio"][encoder])
    inputs = {"audio": audio(encoder, seconds, **options), "text": text()}
    keras.utils.set_random_seed(0)
    return mmzoo.build_model(inputs=inputs, head=mmzoo.heads.Softmax(3), dim=8)


@pytest.mark.parametrize("pooling", [None, "mean", "max", "last"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_padding_changes_nothing(encoder, pooling):
    cls = mmzoo.encoders.ENCODERS["audio"][encoder]
    config = {**tiny(encoder, cls)["config"], "pooling": pooling, "projection_units": 4}
    made = cls(4000, **config)
    # The lengths are none of whole frames, nor of an even number of them.
    waveform, mask = NOISE[:2, :430], np.arange(430) < np.array([[430], [170]])
    build_with(made, {"waveform": waveform, "mask": mask})
    disturb(made)
    tokens, valid = answer(made, {"waveform": waveform, "mask": mask})
    for more in (50, 333):
        padded = {
            "waveform": np.pad(waveform, [(0, 0), (0, more)], constant_values=9),
            "mask": np.pad(mask, [(0, 0), (0, more)]),
        }
        longer, longer_valid = answer(made, padded)
        count = valid.shape[1]
        np.testing.assert_array_equal(longer_valid[:, :count], valid)
        assert not longer_valid[:, count:].any()
        np.testing.assert_allclose(longer[:, :count][valid], tokens[valid], atol=2e-5)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_content_of_an_absent_sound_changes_nothing(encoder):
    model = model_of(encoder, optional=True)
    x, y = tensors(model, rows=6), labels(model, 6)
    prediction, slopes = predict(model, x), gradients(model, x, y)
    gone = ~x["audio_present"]
    assert gone.any() and not gone.all()
    for value in (np.nan, 1e30):
        changed = {key: np.array(values) for key, values in x.items()}
        changed["audio"][gone] = value
        changed["audio_mask"][gone] = True
        np.testing.assert_array_equal(predict(model, changed), prediction)
        for path, slope in gradients(model, changed, y).items():
            np.testing.assert_array_equal(slope, slopes[path], err_msg=path)


def test_the_waveform_alone_is_all_valid():
    encoder = mmzoo.encoders.AudioDNN(RATE, hidden_units=[4])
    alone, _ = encoder(NOISE)
    both, _ = encoder({"waveform": NOISE, "mask": np.ones_like(MASK)})
    np.testing.assert_array_equal(ops.convert_to_numpy(alone), ops.convert_to_numpy(both))


def functional_model():
    inputs = {
        "waveform": keras.Input((400,), name="waveform"),
        "mask": keras.Input((400,), dtype="bool", name="mask"),
    }
    x = ops.where(inputs["mask"], inputs["waveform"], 0.0)
    return keras.Model(inputs, keras.layers.Dense(5)(x))


@pytest.mark.parametrize(
    ("encoder", "tokens"),
    [
        (functional_model, (1, 5)),
        (lambda: keras.layers.Dense(5), (1, 5)),
        (
            lambda: keras.Sequential(
                [keras.layers.Reshape((400, 1)), keras.layers.Conv1D(6, 40, strides=20)]
            ),
            (19, 6),
        ),
    ],
)
def test_any_layer_or_model_is_an_encoder(encoder, tokens, tmp_path):
    model = mmzoo.build_model(inputs={"audio": audio(encoder())}, head="sigmoid", dim=8)
    assert model.get_layer("audio_encoder").output[0].shape[1:] == tokens
    x = tensors(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(predict(loaded, x), predict(model, x))


def test_an_instance_computes_its_frames_in_float32_under_every_policy():
    exact, rounded = (
        mmzoo.build_model(
            inputs={"audio": audio(mmzoo.encoders.AudioDNN(hidden_units=[4], dtype="float32"))},
            head="sigmoid", dtype=dtype,
        )
        for dtype in ("float32", "mixed_bfloat16")
    )  # fmt: skip
    rounded.set_weights(exact.get_weights())
    x = tensors(exact)
    outputs = [
        ops.convert_to_numpy(keras.Model(m.input, m.get_layer("audio_encoder").output[0])(x))
        for m in (exact, rounded)
    ]
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mmzoo.Audio(), "`seconds` is missing"),
        (lambda: mmzoo.Audio(seconds=0), "`seconds` must be"),
        (lambda: mmzoo.Audio(seconds=float("nan")), "`seconds` must be"),
        (lambda: mmzoo.Audio(seconds=float("inf")), "`seconds` must be"),
        (lambda: mmzoo.Audio(sample_rate=0, seconds=1), "positive"),
        (lambda: mmzoo.Audio(seconds=1, augmentation="echo"), "Known: noise, specaugment"),
        (lambda: mmzoo.Audio(8000, 1, mmzoo.encoders.AudioGRU(16_000)), "16000 samples a second"),
        (lambda: mmzoo.encoders.AudioTransformer(8000, dim=7), "even"),
        (lambda: layers.SpecAugment(time_fraction=2), "from 0 to 1"),
        (lambda: layers.AdditiveNoise(9, 8), "lowest_ratio"),
        (lambda: mmzoo.encoders.AudioDNN()(NOISE), "no `sample_rate`"),
    ],
)
def test_impossible_configurations(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_modality_round_trip():
    modality = audio("gru", optional=True, augmentation="noise")
    assert type(modality).from_config(modality.get_config()) == modality
    assert modality.input_names("voice") == {"waveform": "voice", "mask": "voice_mask"}
