"""Caches that know when they are stale, and shards that are the whole together."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data.pipeline.pipeline import decoded_cache
from tests.pipeline.raw import picture, raw_columns, sound

INPUTS = {
    "image": mmzoo.Image(size=(8, 8), augmentation="flip", optional=True),
    "text": mmzoo.Text(length=4, vocabulary_size=20),
    "voice": mmzoo.Audio(sample_rate=4000, seconds=0.05),
}


@pytest.fixture
def records(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    columns, _ = raw_columns(12)
    for row in range(12):
        (folder / f"{row}.png").write_bytes(columns["image"][row])
    files = [f"{row}.png" for row in range(12)]
    return mmzoo.data.from_arrays(
        {"image": files, "text": columns["text"], "voice": [sound(seed=row) for row in range(12)]},
        np.arange(12.0),
        root=folder,
    )


def prepared(records, **changed):
    preprocessor = mmzoo.Preprocessor({**INPUTS, **changed})
    preprocessor.adapt(records)
    return preprocessor


def batches(dataset):
    return [tf.nest.map_structure(lambda x: x.numpy(), batch) for batch in dataset]


def assert_equal(one, other):
    for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture
def written(monkeypatch):
    """The folders of the caches that are written."""
    paths = []
    write = decoded_cache._write

    def noting(decode, count, path, manifest):
        paths.append(os.path.basename(path).split("-")[0])
        write(decode, count, path, manifest)

    monkeypatch.setattr(decoded_cache, "_write", noting)
    return paths


@pytest.mark.end_to_end
def test_a_cache_changes_nothing_but_the_time(records, tmp_path):
    preprocessor = prepared(records)
    for training in (False, True):
        expected = records.to_dataset(preprocessor, 5, training=training, seed=3)
        expected = [batches(expected) for _ in range(1 + training)]
        for cache in ("memory", tmp_path / "cache"):
            cached = records.to_dataset(preprocessor, 5, training, seed=3, cache=cache)
            assert_equal(expected, [batches(cached) for _ in range(1 + training)])


@pytest.mark.slow
def test_a_stale_cache_is_made_anew(records, tmp_path, written, caplog):
    def read(preprocessor, rows=records):
        dataset = rows.to_dataset(preprocessor, 12, cache=tmp_path / "cache")
        uncached = rows.to_dataset(preprocessor, 12)
        assert_equal(batches(dataset), batches(uncached))
        made = sorted(written)
        written.clear()
        return made

    preprocessor = prepared(records)
    assert read(preprocessor) == ["image", "voice"]
    assert read(preprocessor) == []
    # What decoding does not depend on: the vocabulary, the encoder, augmentation.
    other = {
        "text": mmzoo.Text(length=2, vocabulary_size=9),
        "image": mmzoo.Image(size=(8, 8), encoder="resnet", optional=True),
    }
    assert read(prepared(records, **other)) == [] and not caplog.records
    assert read(prepared(records, image=mmzoo.Image(size=(6, 8), optional=True))) == ["image"]
    assert "is stale (preprocessing, tensors changed): decoding anew" in caplog.text
    caplog.clear()
    assert read(preprocessor) == ["image"]
    (records.root / "3.png").write_bytes(picture("blue", seed=77))
    caplog.clear()
    assert read(preprocessor) == ["image"]
    assert "is stale (files changed)" in caplog.text
    (records.root / "4.png").unlink()
    with pytest.raises(FileNotFoundError):
        read(preprocessor)
    assert read(preprocessor, records.take([5, 3, 1])) == ["image", "voice"]  # beside the others
    assert len(os.listdir(tmp_path / "cache")) == 4


@pytest.mark.end_to_end
def test_a_cache_is_whole_or_not_there(records, tmp_path, monkeypatch):
    preprocessor = prepared(records)
    folder = tmp_path / "cache"

    class Interrupted:
        element_spec = decoded_cache._decoded(lambda rows: rows, 1).element_spec

        @staticmethod
        def as_numpy_iterator():
            yield np.zeros(4, "int64")
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(decoded_cache, "_decoded", lambda decode, count: Interrupted)
        with pytest.raises(KeyboardInterrupt):
            records.to_dataset(preprocessor, cache=folder)
    assert os.listdir(folder) == []
    records.to_dataset(preprocessor, cache=folder)
    path = next(path for path in folder.iterdir() if path.name.startswith("image"))
    next(path.glob("0-*")).write_bytes(b"short")
    with pytest.raises(ValueError, match="should have 2304 bytes"):
        records.to_dataset(preprocessor, cache=folder)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["memory", "folder"])
def test_counts_are_those_of_the_cached_values(records, tmp_path, caplog, kind, written):
    (records.root / "2.png").write_bytes(b"junk")
    (records.root / "7.png").unlink()
    cache = tmp_path / "cache" if kind == "folder" else kind
    preprocessor = prepared(records)
    for number, on_error in enumerate(("skip", "missing", "skip"), start=1):
        dataset = records.to_dataset(preprocessor, 4, cache=cache, on_error=on_error)
        rows = np.concatenate([y for _, y in batches(dataset)])
        assert (len(rows) == 12) == (on_error == "missing")
        logged = [r.getMessage() for r in caplog.records if "No readable" in r.getMessage()]
        assert len(logged) == number
        assert "No readable image in 2 of 12 rows: row 2 (2.png); row 7 (7.png)" in logged[-1]
    assert written == ["image", "voice"] * (kind == "folder")
    (records.root / "7.png").write_bytes(picture("red"))
    message = (
        r"No readable image in 1 of 12 rows: row 2 \(2.png\): Not a picture: begins with junk\."
    )
    with pytest.raises(ValueError, match=message):
        records.to_dataset(preprocessor, 4, cache=cache)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("count", "shards", "batch_size"), [(12, 2, 3), (11, 3, 2), (5, 2, 4)])
def test_shards_together_are_the_whole(training, count, shards, batch_size):
    values = {"x": np.arange(count, dtype="float32")[:, None]}
    records = mmzoo.data.from_arrays(values)
    preprocessor = mmzoo.Preprocessor({"x": mmzoo.Features(1)})

    def epochs(size, **options):
        dataset = records.to_dataset(preprocessor, size, training=training, seed=1, **options)
        return [[x["x"].numpy().ravel().tolist() for x in dataset] for _ in range(2)]

    whole = epochs(batch_size * shards)
    parts = [epochs(batch_size, shard=(index, shards)) for index in range(shards)]
    for epoch in range(2):
        rows = [row for part in parts for batch in part[epoch] for row in batch]
        assert sorted(rows) == sorted(row for batch in whole[epoch] for row in batch)
        assert len(set(rows)) == len(rows)
        if not training:
            assert sorted(rows) == list(range(count))
            continue
        assert {len(part[epoch]) for part in parts} == {len(whole[epoch])}
        for step, batch in enumerate(whole[epoch]):
            together = [row for part in parts for row in part[epoch][step]]
            if len(batch) < batch_size * shards:  # one short batch, which goes round
                together, batch = sorted(together), sorted(batch)
            assert together == batch


def test_impossible_shards(records):
    preprocessor = prepared(records)
    for shard in ((2, 2), (-1, 2), (0, 0), (0, 13)):
        with pytest.raises(ValueError, match="`shard` must be"):
            records.to_dataset(preprocessor, shard=shard)
    with pytest.raises(ValueError, match="different numbers of batches"):
        records.to_dataset(preprocessor, training=True, on_error="skip", shard=(0, 2))


@pytest.mark.parametrize("on_error", ["raise", "skip", "missing"])
def test_passes_do_not_wait_for_the_tuner(records, on_error):
    dataset = records.to_dataset(prepared(records), 2, training=True, on_error=on_error)
    assert dataset.options().autotune.enabled is False
    chosen = tf.data.Options()
    chosen.autotune.enabled = True
    assert dataset.with_options(chosen).options().autotune.enabled


@pytest.mark.end_to_end
def test_decoding_is_prepared_once(records):
    preprocessor = prepared(records)
    train, test = records.split(0.5, 0.5, seed=0)
    for rows in (train, test):
        for _ in range(2):
            batches(rows.to_dataset(preprocessor, 2))
    assert {name: len(part.prepared) for name, part in preprocessor.preprocessings.items()} == {
        "image": 1, "text": 0, "voice": 1
    }  # fmt: skip


ENDS_DURING_A_PASS = """
import numpy as np
import mmzoo

inputs = {"image": mmzoo.Image(size=16)}
pictures = np.zeros((256, 32, 32, 3), "uint8")
records = mmzoo.data.from_arrays({"image": pictures}, np.arange(256.0))
passing = iter(records.to_dataset(mmzoo.Preprocessor(inputs), 2, training=True))
next(passing)
"""


@pytest.mark.slow
def test_a_process_may_end_during_a_pass():
    subprocess.run([sys.executable, "-c", ENDS_DURING_A_PASS], check=True, timeout=120)


def test_the_preprocessings_as_they_were_called(records):
    preprocessor = prepared(records)
    with pytest.warns(DeprecationWarning, match=r"now `Preprocessor\.preprocessings`"):
        assert preprocessor.parts is preprocessor.preprocessings
