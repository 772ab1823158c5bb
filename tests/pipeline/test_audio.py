"""Sounds: WAV files of every kind, sample rates, lengths, and what is no sound."""

import io
import struct

import numpy as np
import pytest
import scipy.io.wavfile
import scipy.signal
import tensorflow as tf

import mmzoo
from mmzoo.preprocessing.codecs.resampling import resample
from tests.parts import audio
from tests.pipeline.raw import wav

RATE, SAMPLES = 8000, 400
SOUND = 0.8 * np.sin(np.arange(SAMPLES) / 7) * np.linspace(0, 1, SAMPLES)
GENERATOR = np.random.default_rng(0)


def preprocessor(seconds=SAMPLES / RATE, sample_rate=RATE, **options):
    return mmzoo.Preprocessor({"voice": mmzoo.Audio(sample_rate, seconds, **options)})


def decoded(value, **options):
    """The samples of one raw value without their padding."""
    waveform, length = preprocessor(**options).element({"voice": value})["voice"]
    waveform, length = waveform.numpy(), int(length)
    assert waveform.dtype == "float32" and (waveform[length:] == 0).all()
    return waveform[:length]


def integers(samples, bits):
    """The little-endian bytes of integers of `bits`; those of 8 have no sign."""
    scaled = np.clip(np.round(samples * 2 ** (bits - 1)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if bits == 8:
        return (scaled + 128).astype("uint8").tobytes()
    every_byte = scaled.astype("<i4").reshape(-1, 1).view("uint8")
    return every_byte[:, : bits // 8].tobytes()


def riff(data, tag=1, bits=16, channels=1, rate=RATE, extensible=False, before=b"", size=None):
    """A WAV file byte by byte."""
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, min(rate * frame, 0xFFFFFFFF), frame, bits)
    if extensible:
        guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
        form = struct.pack("<H", 0xFFFE) + form[2:] + struct.pack("<HHI", 22, bits, 0) + guid
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + before
    chunks += b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_integers(bits, channels, extensible):
    parts = SOUND[:, None] * np.linspace(0.2, 1, channels)
    value = riff(integers(parts.ravel(), bits), bits=bits, channels=channels, extensible=extensible)
    expected = parts.mean(axis=1)
    np.testing.assert_allclose(decoded(value), expected, atol=max(1.1 * 2.0**-bits, 2e-7))


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("dtype", ["<f4", "<f8"])
def test_floats(dtype, extensible):
    stereo = np.stack([SOUND, -0.5 * SOUND], axis=1)
    value = riff(
        stereo.astype(dtype).tobytes(), 3, 8 * int(dtype[-1]), channels=2, extensible=extensible
    )
    np.testing.assert_allclose(decoded(value), SOUND / 4, atol=1e-7)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_files_of_scipy(dtype):
    samples = SOUND.astype(dtype)
    if dtype[0] in "ui":
        samples = (SOUND * np.iinfo(dtype).max / (2 if dtype == "uint8" else 1)).astype(dtype)
        samples = samples + (128 if dtype == "uint8" else 0)
        samples = samples.astype(dtype)
    value = wav(samples, RATE)
    rate, read = scipy.io.wavfile.read(io.BytesIO(value))
    assert rate == RATE and np.array_equal(read, samples)
    np.testing.assert_allclose(decoded(value), SOUND, atol=2 / 128 if dtype == "uint8" else 1e-4)
    np.testing.assert_allclose(decoded(value), decoded(samples), atol=1e-7)  # arrays are the same


def test_other_chunks_and_streams():
    data = integers(SOUND, 16)
    expected = decoded(riff(data))
    for before in (b"LIST" + struct.pack("<I", 3) + b"abc\0", b"fact" + struct.pack("<II", 4, 400)):
        np.testing.assert_array_equal(decoded(riff(data, before=before)), expected)
    np.testing.assert_array_equal(decoded(riff(data) + b"LIST\4\0\0\0abcd"), expected)
    np.testing.assert_array_equal(decoded(riff(data + b"\1")), expected)  # half a sample


def with_bytes(value, at, new):
    return value[:at] + new + value[at + len(new) :]


STREAMS = {
    "ffmpeg": riff(integers(SOUND, 16), size=0xFFFFFFFF),
    "sox": riff(integers(SOUND, 16), size=0x7FFFF000),
    "arecord": riff(integers(SOUND, 16), size=0x80000000),
    "0 and samples behind it": riff(integers(SOUND, 16), size=0),
    "a few bytes too large": riff(integers(SOUND, 16), size=2 * SAMPLES + 3),
    "with the header": riff(integers(SOUND, 16), size=2 * SAMPLES + 44),
    "block alignment 0": with_bytes(riff(integers(SOUND, 16)), 32, b"\0\0"),
    "RIFF and data 0": with_bytes(riff(integers(SOUND, 16), size=0), 4, bytes(4)),
    "extensible": riff(integers(SOUND, 16), size=0x7FFFF000, extensible=True),
}


def test_streams_whose_header_was_written_before_their_length_was_known(tmp_path):
    expected = decoded(riff(integers(SOUND, 16)))
    for name, value in STREAMS.items():
        np.testing.assert_array_equal(decoded(value), expected, err_msg=name)
        (tmp_path / f"{name}.wav").write_bytes(value)
    inputs = preprocessor().inputs
    records = mmzoo.data.from_arrays({"voice": [f"{name}.wav" for name in STREAMS]}, root=tmp_path)
    assert records.validate(inputs).ok
    for value in (riff(b"") + b"LIST\4\0\0\0abcd", riff(integers(SOUND, 16), size=3 * SAMPLES)):
        with pytest.raises(tf.errors.InvalidArgumentError):
            decoded(value)


def test_cut_and_padded():
    for length in (1, 399, 400, 401, 5000):
        sound = GENERATOR.uniform(-1, 1, length).astype("float32")
        for value in (wav(sound, RATE), sound):
            np.testing.assert_array_equal(decoded(value), sound[:SAMPLES])
    tensors = preprocessor()({"voice": [wav(SOUND.astype("float32")[:7], RATE)]})
    assert tensors["voice_mask"].numpy().tolist() == [[True] * 7 + [False] * 393]
    assert tensors["voice"].shape == (1, SAMPLES)


# Sample rates


def band_limited(times, rates):
    """A sound of 85 % of the lower Nyquist frequency at most, that begins and ends in silence."""
    nyquist = min(rates) / 2
    tones = sum(np.sin(2 * np.pi * share * nyquist * times + 9 * share) / 4
                for share in (0.05, 0.3, 0.6, 0.85))  # fmt: skip
    return tones * np.exp(-(((times - 0.25) / 0.05) ** 2))


RATES = [
    (44_100, 16_000), (48_000, 16_000), (8000, 16_000), (22_050, 16_000), (11_025, 8000),
    (8001, 16_000), (16_000, 44_100), (96_000, 8000),
]  # fmt: skip


@pytest.mark.parametrize(("rate", "target"), RATES)
def test_resampled_sound_is_that_of_the_other_rate(rate, target):
    sound = band_limited(np.arange(rate // 2) / rate, (rate, target))
    result = decoded(wav(sound.astype("float32"), rate), seconds=0.5, sample_rate=target)
    assert len(result) == -(-len(sound) * target // rate) or len(result) == target // 2
    expected = band_limited(np.arange(len(result)) / target, (rate, target))
    np.testing.assert_allclose(result, expected, atol=2e-6)
    # SciPy's filter is shorter, so it comes less near.
    divisor = np.gcd(rate, target)
    polyphase = scipy.signal.resample_poly(sound, target // divisor, rate // divisor)
    np.testing.assert_allclose(result, polyphase[: len(result)], atol=5e-3)


def test_nothing_is_folded_back():
    times = np.arange(44_100) / 44_100
    for frequency in (8100, 12_000, 21_000):
        tone = np.sin(2 * np.pi * frequency * times) * np.hanning(len(times))
        result = decoded(wav(tone.astype("float32"), 44_100), seconds=1, sample_rate=16_000)
        assert np.abs(result).max() < 1e-5


def test_the_cut_end_is_that_of_the_whole():
    sound = GENERATOR.uniform(-1, 1, 30_000).astype("float32")
    whole = resample(tf.constant(sound), tf.constant(44_100, tf.int64), RATE).numpy()
    np.testing.assert_allclose(decoded(wav(sound, 44_100)), whole[:SAMPLES], atol=1e-4)


def test_one_sample_at_any_rate():
    for rate in (1, 999, 8000, 192_000, 1_000_000):
        result = decoded(wav(np.full(1, 0.5, "float32"), rate))
        assert 1 <= len(result) <= SAMPLES and np.isfinite(result).all()


# What is no sound

GOOD = riff(integers(SOUND, 16))
BAD = {
    "junk": b"junk",
    "a header alone": GOOD[:12],
    "no data": GOOD[:36],
    "half of it": GOOD[: len(GOOD) // 2],
    "no samples": riff(b""),
    "another format": riff(integers(SOUND, 8), tag=7, bits=8),
    "12 bits": riff(integers(SOUND, 16), bits=12),
    "no channels": riff(integers(SOUND, 16), channels=0),
    "no rate": riff(integers(SOUND, 16), rate=0),
    "rate of a broken header": riff(integers(SOUND, 16), rate=0xFFFFFFFF),
    "big endian": b"RIFX" + GOOD[4:],
    "not WAVE": GOOD[:8] + b"AVI " + GOOD[12:],
    "NaN": wav(np.where(np.arange(400) == 7, np.nan, SOUND).astype("float32"), RATE),
    "infinite": wav(np.where(np.arange(400) == 7, np.inf, SOUND).astype("float32"), RATE),
    "beyond all measure": wav((SOUND * 1e30).astype("float32"), RATE),
    "chunks that lead nowhere": GOOD[:12] + b"LIST\0\0\0\0" * 5000,
    "chunks that go around": GOOD[:36] + b"LIST\xff\xff\xff\xff" + GOOD[36:],
}


@pytest.mark.parametrize("options", [{}, {"optional": True}])
def test_broken_files_are_noticed(options):
    values = [GOOD, *BAD.values(), GOOD]
    good = [True] + [False] * len(BAD) + [True]
    tensors, ok = preprocessor(**options).checked_call({"voice": values})
    assert dict(zip(["first", *BAD, "last"], ok["voice"].numpy().tolist(), strict=True)) == dict(
        zip(["first", *BAD, "last"], good, strict=True)
    )
    assert not tensors["voice"].numpy()[1:-1].any()
    assert not tensors["voice_mask"].numpy()[1:-1].any()
    np.testing.assert_array_equal(tensors["voice"][0], tensors["voice"][-1])
    if options:
        assert tensors["voice_present"].numpy().tolist() == good


def test_a_broken_file_is_named(tmp_path):
    (tmp_path / "bad.wav").write_bytes(BAD["half of it"])
    (tmp_path / "good.wav").write_bytes(GOOD)
    files = {"voice": ["good.wav", "bad.wav", "good.wav"]}
    records = mmzoo.data.from_arrays(files, root=tmp_path)
    with pytest.raises(ValueError, match=r"No readable voice in 1 of 3 rows: row 1 \(bad.wav"):
        records.validate(preprocessor().inputs).check()
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"voice in row 1 \(bad.wav"):
        list(records.to_dataset(preprocessor(optional=True)))


def test_every_damage_is_noticed_or_harmless():
    part = preprocessor().preprocessings["voice"]
    values = [GOOD[:cut] for cut in range(1, 60)]
    for _ in range(200):
        damaged = bytearray(GOOD)
        damaged[GENERATOR.integers(48)] = GENERATOR.integers(256)
        values.append(bytes(damaged))
    (waveform, lengths), ok = part.decode(tf.constant(values))
    assert np.isfinite(waveform.numpy()).all()
    assert ((lengths.numpy() > 0) == ok.numpy()).all()
    assert not ok.numpy()[:59].any()


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 2, 2)), "shape"),
        (np.zeros(9, "int64"), "int64"),
        (np.zeros(9, bool), "bool"),
        (np.zeros((2, 900)), "Transpose"),
    ],
)
def test_arrays_that_are_no_sounds(array, message):
    records = mmzoo.data.from_arrays({"voice": [array]})
    with pytest.raises(ValueError, match=message):
        records.to_dataset(preprocessor())


def test_an_empty_array_is_absent():
    records = mmzoo.data.from_arrays({"voice": [SOUND, np.zeros(0)]})
    with pytest.raises(ValueError, match="'voice' is not optional, but has no value in row 1"):
        records.check(preprocessor().inputs)
    assert records.validate(preprocessor(optional=True).inputs).ok


@pytest.mark.parametrize("array", [np.array([0.5, np.nan]), np.array([1e9])])
def test_arrays_that_are_broken(array):
    records = mmzoo.data.from_arrays({"voice": [SOUND, array]})
    for options in ({}, {"optional": True}):
        with pytest.raises(ValueError, match="No readable voice in 1 of 2 rows: row 1"):
            records.validate(preprocessor(**options).inputs).check()


# Records


@pytest.mark.end_to_end
def test_arrays_bytes_and_paths_are_the_same(tmp_path):
    samples = np.stack([SOUND, SOUND / 2], axis=1).astype("float32")
    (tmp_path / "a.wav").write_bytes(wav(samples, RATE))
    results = []
    for column in (["a.wav"], [tmp_path / "a.wav"], [wav(samples, RATE)], [samples], samples[None]):
        records = mmzoo.data.from_arrays({"voice": column}, root=tmp_path)
        results.append(next(iter(records.to_dataset(preprocessor())))["voice"].numpy())
    for result in results:
        assert result.shape == (1, SAMPLES)
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.parametrize("cache", [False, True])
def test_absent_sounds(cache):
    lengths = [3, 400, 900]
    arrays = [np.full(length, 0.5, "float32") for length in lengths]
    for column in (
        [arrays[0], None, *arrays[1:]],
        [wav(arrays[0], RATE), b"", *(wav(array, RATE) for array in arrays[1:])],
    ):
        records = mmzoo.data.from_arrays({"voice": column})
        with pytest.raises(ValueError, match=r"'voice' is not optional.*row 1"):
            records.check(preprocessor().inputs)
        batch = next(iter(records.to_dataset(preprocessor(optional=True), cache=cache)))
        assert batch["voice_present"].numpy().tolist() == [True, False, True, True]
        assert batch["voice_mask"].numpy().sum(axis=1).tolist() == [3, 0, 400, 400]
        np.testing.assert_array_equal(batch["voice"], 0.5 * batch["voice_mask"].numpy())


@pytest.mark.parametrize(("format", "atol"), [("FLAC", 1e-4), ("OGG", 0.1), ("MP3", 0.1)])
def test_formats_of_soundfile(format, atol, tmp_path):
    soundfile = pytest.importorskip("soundfile", reason="the extra `audio` is not installed")
    sound = np.tile(SOUND, 20)
    path = tmp_path / f"a.{format.lower()}"
    soundfile.write(path, sound, RATE, format=format)
    (tmp_path / "a.wav").write_bytes(wav(SOUND.astype("float32"), RATE))
    part = preprocessor(seconds=1.0).preprocessings["voice"]
    broken = path.read_bytes()[:30]
    for column in (
        ["a.wav", path.name],
        [(tmp_path / "a.wav").read_bytes(), path.read_bytes(), broken, b"RIFF"],
    ):
        (waveform, lengths), ok = part.decode(*part.column(column, tmp_path))
        assert ok.numpy().tolist() == [True, True, False, False][: len(column)]
        assert lengths.numpy()[:2].tolist() == [400, 8000]
        np.testing.assert_allclose(waveform[0, :SAMPLES], SOUND, atol=1e-6)
        np.testing.assert_allclose(waveform[1], sound, atol=atol)


def test_without_soundfile(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    for value in ("a.FLAC", b"OggS123"):
        with pytest.raises(ImportError, match=r'pip install "mmzoo\[audio\]"'):
            preprocessor().preprocessings["voice"].column([value], None)


# The whole way


@pytest.mark.slow
def test_a_sound_is_served_as_it_was_trained(tmp_path):
    inputs = {"voice": audio(optional=True), "noise": audio("dnn")}
    model = mmzoo.build_model(inputs=inputs, fusion="gated", head=mmzoo.heads.Softmax(3), dim=8)
    pair = model, mmzoo.Preprocessor(inputs)
    rows = {
        "voice": [GOOD, b"", BAD["junk"], BAD["NaN"], GOOD],
        "noise": [riff(integers(SOUND, bits), bits=bits) for bits in (8, 16, 24, 32)]
        + [BAD["no samples"]],
    }
    folder = mmzoo.export_savedmodel(*pair, tmp_path / "serving")
    answer = tf.saved_model.load(folder).signatures["serving_default"]
    outputs = answer(**{name: tf.constant(column) for name, column in rows.items()})
    assert outputs["voice_ok"].numpy().tolist() == [True, True, False, False, True]
    assert outputs["noise_ok"].numpy().tolist() == [True, True, True, True, False]
    assert outputs["ok"].numpy().tolist() == [True, True, False, False, False]
    clean = {"voice": [GOOD, None, None, None], "noise": rows["noise"][:4]}
    expected = mmzoo.predict(*pair, clean)
    np.testing.assert_allclose(outputs["probabilities"][:4], expected, atol=1e-6)
    with pytest.raises(ValueError, match="No readable voice in row 2; row 3"):
        mmzoo.predict(*pair, {name: column[:4] for name, column in rows.items()})


@pytest.mark.slow
def test_pitches_are_learned():
    generator = np.random.default_rng(1)
    times = np.arange(800) / 4000
    rows = []
    for row in range(60):
        length = generator.integers(300, 800)
        tone = np.sin(2 * np.pi * (300, 450, 700)[row % 3] * times[:length] + generator.normal())
        noise = generator.normal(size=length)
        rows.append(((0.5 * tone + 0.05 * noise) * generator.uniform(0.1, 1)).astype("float32"))
    records = mmzoo.data.from_arrays({"voice": rows}, ["low", "middle", "high"] * 20)
    inputs = {"voice": audio("cnn", seconds=0.2, augmentation=["noise", "specaugment"])}
    train, test = records.split(0.7, 0.3)
    prepared = mmzoo.Preprocessor(inputs)
    prepared.adapt(train)
    model = mmzoo.build_model(
        inputs=inputs, head=mmzoo.heads.Softmax(class_names=records.class_names), optimizer="adam"
    )
    model.fit(train.to_dataset(prepared, 14, training=True, cache=True), epochs=15, verbose=0)
    assert model.evaluate(test.to_dataset(prepared), verbose=0, return_dict=True)["accuracy"] == 1
