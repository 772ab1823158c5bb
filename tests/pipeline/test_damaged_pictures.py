"""Damaged pictures: no crash, exact counts, and neighbours as if nothing had happened."""

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from tests.pipeline.test_pictures import FILES

GOOD = "png", "jpeg", "webp"
ALL = [value for name, value in FILES.items() if name != "one-pixel"]


def flipped(value, other, random):
    bits = np.unpackbits(np.frombuffer(value, np.uint8))
    bits[random.integers(0, len(bits), random.integers(1, 30))] ^= 1
    return np.packbits(bits).tobytes()


def flipped_in_front(value, other, random):
    return flipped(value[:64], other, random) + value[64:]


def truncated(value, other, random):
    return value[: random.integers(0, len(value))]


def with_the_header_of_another(value, other, random):
    length = random.integers(2, 40)
    return other[:length] + value[length:]


def with_zeros(value, other, random):
    start, length = random.integers(0, len(value)), random.integers(1, 200)
    return value[:start] + bytes(min(length, len(value) - start)) + value[start + length :]


def with_junk_between(value, other, random):
    at = random.integers(0, len(value))
    return value[:at] + random.bytes(random.integers(1, 50)) + value[at:]


DAMAGES = (
    flipped,
    flipped_in_front,
    truncated,
    with_the_header_of_another,
    with_zeros,
    with_junk_between,
)


def damaged(count, seed):
    """So many damaged pictures, each between two good ones; and which rows are the good ones."""
    random = np.random.default_rng(seed)
    values, is_good = [FILES["png"]], [True]
    for number in range(count):
        value, other = (ALL[random.integers(len(ALL))] for _ in range(2))
        values += [DAMAGES[number % len(DAMAGES)](value, other, random), FILES[GOOD[number % 3]]]
        is_good += [False, True]
    return values, np.array(is_good)


def messages(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "mmzoo"]


@pytest.mark.parametrize(
    ("count", "seed"),
    [(60, 0), *(pytest.param(1000, seed, marks=pytest.mark.slow) for seed in range(1, 4))],
)
@pytest.mark.end_to_end
def test_damaged_pictures(count, seed, tmp_path, caplog):
    values, is_good = damaged(count, seed)
    inputs = {"photo": mmzoo.Image(size=(12, 16), optional=True, max_pixels=10_000)}
    preprocessor = mmzoo.Preprocessor(inputs)
    columns = {"photo": [value or b"?" for value in values]}
    records = mmzoo.data.from_arrays(columns, np.arange(len(values), dtype="float32"))
    preprocessor.adapt(records)
    clean = preprocessor({"photo": tf.constant([FILES[name] for name in GOOD])})["photo"].numpy()
    expected = np.concatenate([clean[:1], np.resize(clean, (count, *clean.shape[1:]))])

    rows, pixels, present = [], [], []
    for x, y in records.to_dataset(preprocessor, 50, on_error="missing"):
        rows += y.numpy().tolist()
        pixels.append(x["photo"].numpy())
        present.append(x["photo_present"].numpy())
    pixels, readable = np.concatenate(pixels), np.concatenate(present)
    assert rows == list(range(len(values)))
    np.testing.assert_array_equal(pixels[is_good], expected)
    assert readable[is_good].all()
    assert not pixels[~readable].any()
    bad = np.flatnonzero(~readable)
    assert count // 4 < len(bad) <= count
    counted = f"No readable photo in {len(bad)} of {len(values)} rows: row {bad[0]};"
    assert len(messages(caplog)) == 1 and counted in messages(caplog)[0]

    kept = [y.numpy() for _, y in records.to_dataset(preprocessor, 50, on_error="skip")]
    np.testing.assert_array_equal(np.concatenate(kept), np.flatnonzero(readable))
    assert len(messages(caplog)) == 2 and counted in messages(caplog)[1]

    with pytest.raises(ValueError, match=counted):
        records.validate(inputs).check()
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"no readable photo in row {bad[0]}"):
        list(records.to_dataset(preprocessor, len(values)))

    model = mmzoo.build_model(inputs=inputs, fusion="concat", head="regression", dim=4)
    served = tf.saved_model.load(mmzoo.export_savedmodel(model, preprocessor, tmp_path / "served"))
    answer = served.signatures["serving_default"](photo=tf.constant(columns["photo"]))
    np.testing.assert_array_equal(answer["photo_ok"], readable)
    np.testing.assert_allclose(
        answer["values"],
        model.predict({"photo": pixels.astype("float32"), "photo_present": readable}, verbose=0),
        rtol=1e-4,
        atol=1e-4,
    )
