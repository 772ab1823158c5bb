"""Sources: the same rows in any format give the same batches; what is wrong is named."""

import contextlib
import io
import json
import shutil
import types
import typing

import numpy as np
import pandas
import pyarrow
import pyarrow.parquet
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

import mmzoo
from mmzoo.data import (
    from_arrays,
    from_csv,
    from_dataframe,
    from_directory,
    from_file,
    from_generator,
    from_jsonl,
    from_parquet,
    from_tfds,
    from_tfrecords,
)
from mmzoo.data.content import file_bytes
from mmzoo.raw import cells
from mmzoo.raw.stored_bytes import StoredBytes
from mmzoo.raw.wav_bytes import wav_bytes
from tests.pipeline.raw import encoded, picture, sound

INPUTS = {
    "image": mmzoo.Image(size=(4, 4), optional=True),
    "text": mmzoo.Text(length=4, vocabulary_size=20, optional=True),
    "item": mmzoo.Tabular(numeric=["price"], categorical=["color"]),
}
COLUMNS = {"image": "photo", "text": "title", "item": {"price": "price", "color": "paint"}}
LABELS = ["blue"] * 2 + ["green"] * 3 + ["red"] * 2
PHOTOS = [None if row == 3 else picture(label, seed=row) for row, label in enumerate(LABELS)]
TITLES = [None if row == 4 else f"größe {row % 3}" for row in range(7)]
PRICES = [None if row == 1 else row + 0.5 for row in range(7)]
PAINTS = [None if row == 2 else f"paint {row % 2}" for row in range(7)]


def reference():
    item = {"price": PRICES, "color": PAINTS}
    return from_arrays({"image": PHOTOS, "text": TITLES, "item": item}, LABELS)


@pytest.fixture(scope="module")
def preprocessor():
    preprocessor = mmzoo.Preprocessor(INPUTS)
    preprocessor.adapt(reference())
    return preprocessor


def batches(records, preprocessor, **options):
    dataset = records.to_dataset(preprocessor, batch_size=4, **options)
    return [tf.nest.map_structure(lambda x: x.numpy(), batch) for batch in dataset]


def values(records):
    """All that is in some rows, with pictures as pixels, as Python's own values."""

    def pixels(value):
        if value is None:
            return None
        return tf.io.decode_png(file_bytes(value, records.root, "")).numpy().tolist()

    items = [item or {} for item in records.column("item")]
    return [
        [pixels(value) for value in records.column("image")],
        records.column("text"),
        [str(cells.number(item.get("price"))) for item in items],
        [cells.category(item.get("color")) for item in items],
        records.labels,
        records.class_names,
    ]


def photo_files(folder):
    """The names of the photos, written to a folder; `None` where one is absent."""
    for row, data in enumerate(PHOTOS):
        if data is not None:
            (folder / f"{row}.png").write_bytes(data)
    return [None if data is None else f"{row}.png" for row, data in enumerate(PHOTOS)]


def table(photos):
    columns = {"photo": photos, "title": TITLES, "price": PRICES, "paint": PAINTS, "kind": LABELS}
    return pandas.DataFrame(columns)


def rows(photos=PHOTOS):
    return [{key: None if pandas.isna(cell) else cell for key, cell in row.items()}
            for row in table(photos).to_dict("records")]  # fmt: skip


def of_dataframe(folder):
    return from_dataframe(table(photo_files(folder)), COLUMNS, "kind", root=folder)


def of_csv(folder):
    table(photo_files(folder)).to_csv(folder / "rows.csv", index=False)
    return from_csv(folder / "rows.csv", COLUMNS, "kind")


def of_tsv(folder):
    table(photo_files(folder)).to_csv(folder / "rows.tsv", index=False, sep="\t")
    return from_file(folder / "rows.tsv", COLUMNS, "kind")


def write_jsonl(path, rows):
    """A row a line; what is absent is left out, as many do, and a line is empty."""
    lines = [{key: cell for key, cell in row.items() if cell is not None} for row in rows]
    lines = [json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("\n".join([*lines[:2], "", *lines[2:]]), encoding="utf-8")
    return path


def of_jsonl(folder):
    path = write_jsonl(folder / "rows.jsonl", rows(photo_files(folder)))
    return from_jsonl(path, COLUMNS, "kind")


def of_parquet(folder):
    table(photo_files(folder)).to_parquet(folder / "rows.parquet")
    return from_file(folder / "rows.parquet", COLUMNS, "kind")


def of_parquet_with_bytes(folder):
    photos = [{"bytes": photo, "path": None} for photo in PHOTOS]
    table(photos).to_parquet(folder / "rows.parquet")
    return from_parquet(folder / "rows.parquet", COLUMNS, "kind")


def of_url(folder):
    table(photo_files(folder)).to_csv(folder / "rows.csv", index=False)
    return from_csv(f"file://{folder}/rows.csv", COLUMNS, "kind")


def of_generator(folder):
    return from_generator(lambda: iter(rows()), COLUMNS, "kind")


def of_tfrecords(folder):
    of_csv(folder).write_tfrecords(folder / "shards", shards=3)
    for photo in folder.glob("*.png"):
        photo.unlink()  # the shards hold everything
    return from_file(folder / "shards", {name: name for name in COLUMNS}, "kind")


def of_tf_dataset(folder):
    def elements():
        for row in rows():
            photo = np.zeros((0, 0, 3), "uint8")
            if row["photo"] is not None:
                photo = tf.io.decode_png(row["photo"]).numpy()
            price = np.nan if row["price"] is None else row["price"]
            yield row | {"price": price, "photo": photo, "title": row["title"] or "",
                         "paint": row["paint"] or ""}  # fmt: skip

    strings = dict.fromkeys(("title", "paint", "kind"), tf.TensorSpec((), tf.string))
    signature = strings | {
        "price": tf.TensorSpec((), tf.float64),
        "photo": tf.TensorSpec((None, None, 3), tf.uint8),
    }
    return from_tfds(
        tf.data.Dataset.from_generator(elements, output_signature=signature), COLUMNS, "kind"
    )


class Shop(tfds.core.GeneratorBasedBuilder):
    """The rows as a dataset of tensorflow_datasets."""

    VERSION = tfds.core.Version("1.0.0")
    code_path = None  # else a package is looked for that tensorflow_datasets does not bring

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            disable_shuffling=True,
            features=tfds.features.FeaturesDict(
                {
                    "photo": tfds.features.Image(),
                    "title": tfds.features.Text(),
                    "about": {"price": np.float64, "paint": np.object_},
                    "kind": tfds.features.ClassLabel(names=["blue", "green", "red"]),
                    "tags": tfds.features.Sequence(tfds.features.ClassLabel(names=["z", "a"])),
                    "voice": tfds.features.Audio(sample_rate=4000),
                    "views": tfds.features.Sequence(tfds.features.Image()),
                }
            ),
        )

    def _split_generators(self, _):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for number, row in enumerate(rows()):
            yield (
                number,
                {
                    "photo": io.BytesIO(row["photo"] or picture("green")),
                    "title": row["title"] or "",
                    "about": {"price": row["price"] or np.nan, "paint": row["paint"] or ""},
                    "kind": row["kind"],
                    "tags": [["z", "a"], ["a"], []][number % 3],
                    "voice": np.arange(number, number + 400),
                    "views": [io.BytesIO(picture("red", seed=number)) for _ in range(2)],
                },
            )


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The dataset, prepared."""
    builder = Shop(data_dir=tmp_path_factory.mktemp("tfds"))
    builder.download_and_prepare()
    return builder


def of_class_folders(folder):
    for row, (label, item) in enumerate(zip(LABELS, rows(), strict=True)):
        (folder / label).mkdir(exist_ok=True)
        stem = folder / label / str(row)
        if item["photo"] is not None:
            stem.with_suffix(".PNG").write_bytes(item["photo"])
        if item["title"] is not None:
            stem.with_suffix(".txt").write_text(item["title"] + "\n", encoding="utf-8")
        item = {"price": item["price"], "color": item["paint"]}
        stem.with_suffix(".json").write_text(json.dumps(item))
    return from_directory(folder, {"image": (".jpg", ".png"), "text": ".txt", "item": "json"})


def of_metadata(folder):
    (folder / "train" / "photos").mkdir(parents=True)
    photos = photo_files(folder / "train" / "photos")
    photos = [None if photo is None else f"photos/{photo}" for photo in photos]
    lines = [{**row, "file_name": row.pop("photo")} for row in rows(photos)]
    write_jsonl(folder / "train" / "metadata.jsonl", lines)
    return from_directory(folder, COLUMNS | {"image": "file_name"}, "kind", split="train")


@pytest.mark.parametrize(
    "source",
    [
        of_dataframe, of_csv, of_tsv, of_jsonl, of_parquet, of_parquet_with_bytes, of_url,
        of_generator, of_tfrecords, of_tf_dataset, of_class_folders, of_metadata,
    ],
)  # fmt: skip
def test_same_rows_same_records(source, tmp_path):
    assert values(source(tmp_path)) == values(reference())


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("main", ["file_name", None])
def test_metadata_columns_that_name_files(ending, main, tmp_path):
    table = pandas.DataFrame({"voice_file_name": ["1.wav", "2.wav"], "kind": ["yes", "no"]})
    if main:
        table[main] = ["1.png", "2.png"]
    path = tmp_path / f"metadata.{ending}"
    if ending == "jsonl":
        table.to_json(path, orient="records", lines=True)
    elif ending == "parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, sep="\t" if ending == "tsv" else ",", index=False)
    records = from_directory(tmp_path, label="kind")
    assert records.labels == ["yes", "no"]
    assert set(records.columns) == ({"image", "voice"} if main else {"voice"})
    assert records.column("voice") == ["1.wav", "2.wav"]


@pytest.mark.parametrize(
    "name, content",
    [
        ("metadata.csv", b""), ("metadata.csv", b"\xff\xfe,\x00"), ("metadata.jsonl", b"{"),
        ("metadata.jsonl", b"7"), ("metadata.parquet", b"PAR1"),
    ],
)  # fmt: skip
def test_damaged_metadata_is_named(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=name):
        from_directory(tmp_path)


def test_tfds_builder(shop):
    columns = COLUMNS | {"item": {"price": "about/price", "color": "about/paint"}}
    records = from_tfds(shop, columns, "kind", split="train")
    records.columns["image"][3] = None  # a dataset of tensorflow_datasets has no absent pictures
    assert values(records) == values(reference())
    # Where the dataset has it: nothing is copied.
    assert records.columns["image"][0].path.startswith(str(shop.data_dir))
    half = from_tfds(shop, columns, "kind", split="train[50%:]")
    assert half.labels == LABELS[4:] and half.column("text") == TITLES[4:]
    with pytest.raises(ValueError, match=r"`split` is missing; shop/1.0.0 has: train"):
        from_tfds(shop, columns)
    with pytest.raises(ValueError, match="train has no column 'name'; it has: about/paint"):
        from_tfds(shop, {"text": "name"}, split="train")


@pytest.mark.end_to_end
def test_tfds_labels_sounds_and_lists(shop):
    records = from_tfds(shop, {"audio": "voice", "image": "views"}, "tags", split="train")
    assert records.class_names == ["z", "a"]  # in the order of the dataset
    assert records.labels[:3].tolist() == [[1, 1], [0, 1], [0, 0]]
    assert [stored.read() for stored in records.columns["image"][1]] == [picture("red", seed=1)] * 2
    inputs = {"audio": mmzoo.Audio(4000, 0.1), "image": mmzoo.Image(4)}
    (x, _), *_ = batches(records, adapted(records, inputs))
    np.testing.assert_allclose(x["audio"][2] * 2**15, np.arange(2, 402), atol=1e-2)


def test_tfds_mock_data():
    with tfds.testing.mock_data(num_examples=5):
        records = from_tfds("mnist", {"image": "image"}, "label", split="train")
        assert len(records) == 5 and records.class_names == [str(digit) for digit in range(10)]
        given = tfds.load("mnist", split="train", as_supervised=True).as_numpy_iterator()
        assert records.labels == [str(label) for _, label in given]
    assert tf.io.decode_png(records.column("image")[0].read()).shape == (28, 28, 1)


def adapted(records, inputs):
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(records)
    return preprocessor


def test_tf_dataset_errors():
    dataset = tf.data.Dataset.from_tensor_slices
    with pytest.raises(ValueError, match="row 1: 'title' is not UTF-8"):
        from_tfds(dataset({"title": [b"a", b"\xff"]}), {"text": "title"})
    with pytest.raises(TypeError, match="must be of dicts"):
        from_tfds(dataset([1, 2]), {"text": "title"})
    with pytest.raises(ValueError, match="has no splits"):
        from_tfds(dataset({"title": [b"a"]}), {"text": "title"}, split="train")


def test_decoded_pictures_lose_nothing():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), "uint8")
    records = from_generator([{"pixels": each} for each in pixels], {"image": "pixels"})
    assert isinstance(records.column("image")[0], StoredBytes)
    kept = [tf.io.decode_png(stored.read()) for stored in records.column("image")]
    np.testing.assert_array_equal(kept, pixels)


# TFRecord files


@pytest.mark.end_to_end
def test_batches_of_shards(tmp_path, preprocessor):
    """Bytes read out of shards make the batches that bytes in memory make, in the same order."""
    reference().write_tfrecords(tmp_path / "here", shards=2)
    shutil.move(tmp_path / "here", tmp_path / "there")  # all paths are those of today
    options = {"training": True, "seed": 3}
    tf.nest.map_structure(
        np.testing.assert_array_equal,
        batches(from_tfrecords(tmp_path / "there"), preprocessor, **options),
        batches(reference(), preprocessor, **options),
    )


def test_interrupted_writing_goes_on(tmp_path, monkeypatch):
    records = reference()
    whole = tmp_path / "whole"
    records.write_tfrecords(whole, shards=3)
    folder = tmp_path / "shards"
    write = tf.io.TFRecordWriter

    def full_disk(path):
        if "00001" in path:
            raise OSError("No space left on device")
        return write(path)

    with monkeypatch.context() as patch:
        patch.setattr(tf.io, "TFRecordWriter", full_disk)
        with pytest.raises(OSError, match="No space"):
            records.write_tfrecords(folder, shards=3)
    with pytest.raises(FileNotFoundError, match=r"2 of 3 files are missing, such as rows-00001"):
        from_tfrecords(folder)
    first = (folder / "rows-00000-of-00003.tfrecord").stat().st_mtime_ns
    (folder / "rows-00001-of-00003.tfrecord.tmp").write_bytes(b"half a shard")
    records.write_tfrecords(folder, shards=3)
    assert (folder / "rows-00000-of-00003.tfrecord").stat().st_mtime_ns == first
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in whole.iterdir()
    }


@pytest.mark.end_to_end
def test_damaged_shard_is_named(tmp_path, preprocessor):
    reference().write_tfrecords(tmp_path, shards=2)
    records = from_tfrecords(tmp_path)
    shard = tmp_path / "rows-00001-of-00002.tfrecord"
    data = bytearray(shard.read_bytes())
    data[40] ^= 1
    shard.write_bytes(data)
    with pytest.raises(ValueError, match=r"rows-00001-of-00002.tfrecord is damaged, from byte 0"):
        from_tfrecords(tmp_path)
    # Damage that comes later is found when the row is read.
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"rows-00001\S+ record 0"):
        batches(records, preprocessor)


@pytest.mark.parametrize(
    "labels",
    [None, [0.5, 1.5], [[0.5], [1.5]], [[0.5, 2], [1.5, 3]], [["a", "b"], []], [1, 2]],
)
def test_tfrecords_keep_labels_and_values(tmp_path, labels):
    columns = {
        "text": ["https://example.org: a", None],
        "code": [7, None],
        "vector": [np.arange(3, dtype="float16"), None],
        "files": [[b"1", b"22"], None],
        "texts": [["x", "y"], ["z"]],
    }
    weights = None if labels is None else [1, 0.25]
    records = from_arrays(columns, labels, sample_weight=weights)
    records.write_tfrecords(tmp_path)
    back = from_tfrecords(tmp_path)
    assert back.class_names == records.class_names
    np.testing.assert_array_equal(back.labels, records.labels)
    np.testing.assert_array_equal(back.sample_weight, records.sample_weight)
    for name in ("text", "code", "texts"):
        assert back.column(name) == records.column(name)
    assert back.column("vector")[0].dtype == "float16" and back.column("vector")[1] is None
    assert [file.read() for file in back.column("files")[0]] == [b"1", b"22"]
    assert from_tfrecords(tmp_path, {"caption": "text"}).column("caption") == columns["text"]
    with pytest.raises(ValueError, match="no column 'title'; it has: text, code"):
        from_tfrecords(tmp_path, {"caption": "title"})


TAGS = [["O", "B-place", "I-place"], ["O", "O"], []]
SPANS = [[[3, 11, "place"]], [], [{"start": 0, "end": 2, "type": "per"}]]
REFERENCES = [["a cat", "a small cat"], ["a dog"], ["none", "nothing"]]


@pytest.mark.parametrize(
    "labels",
    [
        TAGS,
        [["B", "O"], ["O"], ["B", "I"]],  # as they look, several classes
        SPANS,
        REFERENCES,
        {"tags": TAGS, "kind": ["x", None, "y"]},
        {"names": [["O", "B"], None, ["O"]], "spans": [None, *SPANS[:2]]},
    ],
)
def test_tfrecords_hold_lists_of_words_and_of_tags(tmp_path, labels):
    words = [["in", "New", "York"], ["is", "it"], ["東京", "\N{SNOWMAN}"]]
    records = from_arrays({"text": words}, labels)
    records.write_tfrecords(tmp_path, shards=2)
    back = from_tfrecords(tmp_path)
    assert back.column("text") == words and back.class_names == records.class_names
    assert str(back.labels) == str(records.labels)
    for name, column in records.label_columns.items():
        assert back.label_columns[name].raw == column.raw
    # In a part tags may look like classes that rows have several of; they stay what they were.
    part = records.take([0, 2])
    part.write_tfrecords(tmp_path / "part")
    back = from_tfrecords(tmp_path / "part")
    assert str(back.labels) == str(part.labels) and back.class_names == part.class_names
    records.write_tfrecords(tmp_path, shards=2)  # nothing to do


def test_tags_are_learned_from_tfrecords_as_before(tmp_path):
    texts, tags = [["in", "Rome"], ["Ann"]], [["O", "B-place"], ["B-per"]]
    records = from_arrays({"text": texts}, tags)
    records.write_tfrecords(tmp_path)
    text = mmzoo.Text(length=4, vocabulary_size=10, words="spaces")
    found = []
    for rows in (records, from_tfrecords(tmp_path)):
        preprocessor = mmzoo.Preprocessor({"text": text}, head="tags")
        preprocessor.adapt(rows)
        (x, y), *_ = rows.to_dataset(preprocessor)
        known = preprocessor.targets["head"].tags
        found.append([known, x["text"].numpy().tolist(), y.numpy().tolist()])
    assert found[0] == found[1] and found[0][2] == [[2, 1, -1, -1], [0, -1, -1, -1]]


def test_shards_that_are_gone_are_named(tmp_path):
    from_arrays({"image": [picture("red")]}).write_tfrecords(tmp_path)
    records = from_tfrecords(tmp_path)
    (tmp_path / "rows-00000-of-00001.tfrecord").unlink()
    with pytest.raises(FileNotFoundError, match=r"rows-00000-of-00001\.tfrecord is gone"):
        records.to_dataset(mmzoo.Preprocessor({"image": mmzoo.Image(4)}))


def test_tfrecords_of_other_rows_are_not_touched(tmp_path):
    from_arrays({"text": ["a", "b"]}).write_tfrecords(tmp_path / "a")
    with pytest.raises(ValueError, match="TFRecord files of other rows"):
        from_arrays({"text": ["a", "c"]}).write_tfrecords(tmp_path / "a")
    with pytest.raises(FileExistsError, match="is not empty"):
        from_arrays({"text": ["a"]}).write_tfrecords(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"it has no records\.json"):
        from_tfrecords(tmp_path)
    with pytest.raises(ValueError, match="from 1 to the number of rows, 1; received: 2"):
        from_arrays({"text": ["a"]}).write_tfrecords(tmp_path / "b", shards=2)
    with pytest.raises(ValueError, match="row 0: 'day' can't be written"):
        from_arrays({"day": [np.datetime64("2020-01-01")]}).write_tfrecords(tmp_path / "c")
    records = from_arrays({"image": ["a.png"]}, root=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"row 0: 'image': no such file: .*a\.png"):
        records.write_tfrecords(tmp_path / "d", paths=["image"])


def test_compressed_sounds_are_read_from_shards(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(400.0)) / 2, 4000, format="FLAC")
    records = from_generator([{"a": file.getvalue()}, {"a": sound()}], {"audio": "a"})
    x = batches(records, adapted(records, {"audio": mmzoo.Audio(4000, 0.1)}))[0]
    np.testing.assert_allclose(x["audio"][0], np.sin(np.arange(400)) / 2, atol=1e-4)


# Folders


def test_splits_of_a_folder(tmp_path):
    for name in ("train/cat/1.png", "train/dog/sub/2.png", "test/cat/3.png", "test/cat/3.wav"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    test = from_directory(tmp_path, split="test")
    assert test.class_names == ["cat", "dog"] and test.labels == ["cat"]
    assert [path[-5:] for path in (*test.column("image"), *test.column("audio"))] == [
        "3.png", "3.wav",
    ]  # fmt: skip
    assert from_directory(tmp_path, split="train").labels == ["cat", "dog"]
    by_ending = from_file(tmp_path / "train", {"image": ".jpg,.png"}, "folder", regression=False)
    assert by_ending.labels == ["cat", "dog"]
    with pytest.raises(ValueError, match="label_delimiter does not apply"):
        from_file(tmp_path / "train", {"image": ".png"}, "folder", label_delimiter="|")
    assert from_directory(tmp_path, split="train", label=None).labels is None
    with pytest.raises(ValueError, match="has splits: choose one with split=, of test, train"):
        from_directory(tmp_path)
    with pytest.raises(ValueError, match="has no split 'dev'; it has: test, train"):
        from_directory(tmp_path, split="dev")
    with pytest.raises(ValueError, match="labels are the names of folders"):
        from_directory(tmp_path, split="train", label="kind")


def test_bad_folders(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such folder"):
        from_directory(tmp_path / "nowhere")
    (tmp_path / "1.png").touch()
    with pytest.raises(ValueError, match=r"nor a folder for each class .*: \.png \(1\)"):
        from_directory(tmp_path)
    for folder in ("cat", "dog"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").touch()
    with pytest.warns(UserWarning, match=r"1 files are not read.*\.png \(1\)"):
        from_directory(tmp_path)
    (tmp_path / "1.png").unlink()
    (tmp_path / "cat" / "1.txt").write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"cat/1\.txt can't be read"):
        from_directory(tmp_path)
    (tmp_path / "cat" / "1.jpg").touch()
    with pytest.raises(ValueError, match=r"Two files could be the image.*cat/1\.(jpg|png)"):
        from_directory(tmp_path)


# JSON lines, Parquet, generators


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"rows.jsonl, line 3 can't be read as JSON"),
        ("[1]", r"rows.jsonl, line 3 must be a JSON object"),
        ('{"title": "b"}', r"rows.jsonl, line 3: the label is missing"),
        ('{"kind": "y"}', r"has no column 'price'; it has: title, kind"),
    ],
)
def test_bad_json_lines(tmp_path, line, message):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"title": "a", "kind": "x"}\n\n' + line)
    columns = {"text": "price"} if "price" in message else {"text": "title"}
    with pytest.raises(ValueError, match=message):
        from_jsonl(path, columns, "kind")


def test_missing_and_empty_files(tmp_path):
    for source in (from_jsonl, from_parquet, from_csv):
        with pytest.raises(FileNotFoundError, match="No such file: nowhere"):
            source("nowhere", {"text": "title"})
    (tmp_path / "empty").touch()
    with pytest.raises(ValueError, match="There are no rows in"):
        from_jsonl(tmp_path / "empty", {"text": "title"})
    with pytest.raises(ValueError, match="can't be read as Parquet"):
        from_parquet(tmp_path / "empty", {"text": "title"})
    pandas.DataFrame({"a": ["x"]}).to_parquet(tmp_path / "rows")
    with pytest.raises(ValueError, match="has no column 'title'; it has: a"):
        from_parquet(tmp_path / "rows", {"text": "title"})


def test_bad_generators():
    with pytest.raises(TypeError, match="`rows` must be an iterable of dicts"):
        from_generator(3, {"text": "title"})
    with pytest.raises(TypeError, match="row 1 must be a dict"):
        from_generator([{"title": "a"}, "b"], {"text": "title"})
    with pytest.raises(ValueError, match="no rows in the generator"):
        from_generator([], {"text": "title"})


# Paths


def test_lists_of_pictures(tmp_path):
    for name, color in (("1.png", "red"), ("2.png", "green")):
        (tmp_path / name).write_bytes(picture(color))
    lists = [["1.png", "2.png"], ["2.png"], None]
    table = pandas.DataFrame(
        {"json": map(json.dumps, lists), "bars": ["1.png| 2.png", "2.png", ""]}
    )
    table.to_csv(tmp_path / "rows.csv", index=False)
    columns = {"image": "json", "other": "bars"}
    options = {"list_columns": {"json": None, "bars": "|"}}
    records = from_csv(tmp_path / "rows.csv", columns, **options)
    assert records.column("image") == records.column("other") == lists
    inputs = {"image": mmzoo.Image(4, optional=True)}
    x = batches(records, adapted(records, inputs))[0]
    assert x["image"][:2].mean(axis=(1, 2)).argmax(axis=1).tolist() == [0, 1]  # red, green
    assert x["image_present"].tolist() == [True, True, False]

    (tmp_path / "2.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"2\.png \(and 1 more\), in .*row 2, .*row 3"):
        records.check(inputs)
    with pytest.raises(ValueError, match=r"row 2: column 'bars' must be a list such as"):
        from_csv(tmp_path / "rows.csv", columns, list_columns=["bars"])
    with pytest.raises(ValueError, match="takes a list of names"):
        from_csv(tmp_path / "rows.csv", columns, list_columns="bars")


def test_urls():
    """`ram://` stands for `gs://` and the like: nothing but `tf.io.gfile` reads it."""
    with contextlib.suppress(tf.errors.NotFoundError):
        tf.io.gfile.rmtree("ram://shop")
    tf.io.gfile.makedirs("ram://shop/photos")
    for row, data in enumerate(PHOTOS):
        if data is not None:
            with tf.io.gfile.GFile(f"ram://shop/photos/{row}.png", "wb") as file:
                file.write(data)
    photos = [None if data is None else f"{row}.png" for row, data in enumerate(PHOTOS)]
    photos[0] = "ram://shop/photos/0.png"  # a URL of its own
    records = from_dataframe(table(photos), COLUMNS, "kind", root="ram://shop/photos")
    records.check(INPUTS)
    assert values(records) == values(reference())
    records.write_tfrecords("ram://shop/shards", shards=2)
    assert values(from_tfrecords("ram://shop/shards")) == values(reference())
    tf.io.gfile.remove("ram://shop/photos/5.png")
    with pytest.raises(FileNotFoundError, match=r"no such file: ram://shop/photos/5\.png"):
        records.check(INPUTS)


def test_files_of_two_kinds_are_not_mixed():
    records = from_arrays({"image": [encoded([[1]]), "a.png"]})
    with pytest.raises(ValueError, match="must be of one kind; received: bytes, paths"):
        adapted(records, {"image": mmzoo.Image(4)}).preprocessings["image"].column(
            records.column("image"), ""
        )


# Rows with the same content


def test_copies_do_not_straddle_a_split(tmp_path):
    generator = np.random.default_rng(0)
    for row in range(40):  # 20 pictures, each under two names
        (tmp_path / f"{row}.png").write_bytes(picture("red", seed=row % 20))
    photos = [f"{row}.png" for row in generator.permutation(40)]
    records = from_arrays({"image": photos, "text": ["same"] * 40}, root=tmp_path)
    groups = records.content_groups("image")
    assert len(set(groups)) == 20
    parts = records.split(0.5, 0.5, groups=groups)
    contents = [
        {(tmp_path / photo).read_bytes() for photo in part.column("image")} for part in parts
    ]
    assert contents[0].isdisjoint(contents[1]) and sum(map(len, contents)) == 20
    assert set(records.content_groups("text")) == {0}
    (tmp_path / photos[7]).unlink()
    with pytest.raises(FileNotFoundError, match="row 7: 'image': no such file"):
        records.content_groups("image")


def test_content_is_shared_through_any_column():
    columns = {"image": [b"1", b"2", b"2", b"3", None], "features": list(np.eye(5))}
    columns["features"][4] = columns["features"][0]
    records = from_arrays(columns)
    assert records.content_groups("image") == [0, 1, 1, 2, 3]
    assert records.content_groups() == [0, 1, 1, 2, 0]
    with pytest.raises(ValueError, match="no column 'voice'"):
        records.content_groups("voice")


def test_batches_are_no_rows():
    """A batched dataset would be read as rows with several labels each."""
    texts, kinds = ["a cat", "a dog", "a fish"], [0, 2, 1]
    rows = tf.data.Dataset.from_tensor_slices({"title": texts, "kind": kinds})
    columns = {"text": "title"}
    names = {"class_names": ["cat", "fish", "dog"]}
    for batched in (rows.batch(2), rows.batch(3, drop_remainder=True), rows.ragged_batch(2)):
        for source in (from_tfds, from_generator):
            with pytest.raises(ValueError, match=r"are batched.*: unbatch\(\) it"):
                source(batched, columns, "kind", **names)
        good = from_tfds(batched.unbatch(), columns, "kind", **names)
        assert set(good.labels) <= {"cat", "fish", "dog"}
    loader = [{"title": texts, "kind": tf.constant(kinds)}]  # as a loader of PyTorch collates them
    with pytest.raises(ValueError, match=r"batched, 3 rows each: unbatch\(\) it"):
        from_generator(loader, columns, "kind", **names)
    pictures = {"image": np.zeros((2, 4, 4, 3), "uint8"), "kind": np.array([0, 1])}
    with pytest.raises(ValueError, match="batched"):
        from_generator([pictures], {"image": "image"}, "kind")


def test_rows_of_arrays_are_no_batches():
    vectors = [{"v": np.arange(3.0), "tags": np.array([0, 1, 0])} for _ in range(2)]
    assert from_generator(vectors, {"features": "v"}, "tags").labels.shape == (2, 3)
    frames = tf.data.Dataset.from_tensors({"frames": [b"\0a", b"\0b"], "sound": [0.5, 0.5]})
    records = from_tfds(frames, {"video": "frames"})
    assert len(records) == 1 and len(records.column("video")[0]) == 2


def test_cells_as_hugging_face_has_them(tmp_path):
    """The same whether they come from a file, a generator, a data frame or arrays."""
    voice = 0.5 * np.sin(np.arange(1600) / 9).astype("float32")
    photo = picture("red", seed=1)
    (tmp_path / "1.png").write_bytes(photo)
    photos = [
        {"bytes": photo, "path": "other.png"},
        {"bytes": None, "path": str(tmp_path / "1.png")},
        {"bytes": None, "path": None},
        {"bytes": photo, "path": None},
    ]
    voices = [
        {"path": "a.wav", "array": voice, "sampling_rate": 16_000},
        {"path": None, "array": voice[::2].tolist(), "sampling_rate": 8_000},
        None,
        {"array": np.stack([voice, voice]), "sampling_rate": np.int64(16_000)},
    ]
    inputs = {
        "voice": mmzoo.Audio(sample_rate=8_000, seconds=0.1, encoder="dnn", optional=True),
    }
    columns = {"image": "photo", "voice": "voice"}
    rows = [{"photo": p, "voice": v} for p, v in zip(photos, voices, strict=True)]
    table = pandas.DataFrame({"photo": photos, "voice": voices})
    rows[1]["photo"], table.at[1, "photo"] = {"bytes": photo, "path": "x"}, photos[0]
    arrays = {"image": [row["photo"] for row in rows], "voice": voices}
    stored = [_listed(sound) for sound in (*voices[:3], voices[0])]  # all of one rank
    table.assign(voice=stored).to_parquet(tmp_path / "rows.parquet")
    sources = [
        from_arrays(arrays),
        from_dataframe(table, columns),
        from_generator(rows, columns),
        from_parquet(tmp_path / "rows.parquet", columns),
    ]
    for records in sources:
        for name in columns:
            values, expected = records.column(name), sources[0].column(name)
            read = [value.read() if hasattr(value, "read") else value for value in values]
            assert read[:3] == expected[:3]
    assert sources[0].column("image") == [photo, photo, None, photo]
    batch = next(iter(sources[2].to_dataset(mmzoo.Preprocessor(inputs))))
    assert batch["voice_mask"].numpy().sum(axis=1).tolist() == [800, 800, 0, 800]
    # The rate came with the sound: 1,600 samples of 16 kHz are those of 800 of 8 kHz.
    heard = batch["voice"].numpy()
    np.testing.assert_allclose(heard[0, 50:-50], heard[1, 50:-50], atol=1e-3)
    np.testing.assert_array_equal(heard[0], heard[3])
    path = from_arrays({"image": photos[1:2]})
    assert path.column("image") == [str(tmp_path / "1.png")]


def _listed(sound):
    return sound and {**sound, "array": np.asarray(sound["array"]).tolist()}


def test_a_decoder_of_sounds():
    class Decoder:  # what Hugging Face's datasets give from version 4 on
        def get_all_samples(self):
            return types.SimpleNamespace(data=tf.zeros((1, 80)), sample_rate=8000)

    (encoded,) = from_arrays({"voice": [Decoder()]}).column("voice")
    waveform, rate = tf.audio.decode_wav(wav_bytes(np.zeros(80, "int16"), 8000))
    assert waveform.shape == (80, 1) and rate == 8000 and encoded[:4] == b"RIFF"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ({"array": [0.1], "sampling_rate": 0}, "row 1: 'x': A sampling rate must be a positive"),
        ({"array": [0.1], "sampling_rate": None}, "row 1: 'x': A sampling rate must be a positive"),
        ({"array": np.zeros((2, 2, 2)), "sampling_rate": 8}, r"row 1: 'x': A sound must be an arr"),
    ],
)
def test_cells_that_are_no_sounds(cell, message):
    with pytest.raises(ValueError, match=message):
        from_arrays({"x": [None, cell]})
    with pytest.raises(ValueError, match=message):
        from_generator([{"x": None}, {"x": cell}], {"x": "x"})


def test_a_table_may_have_columns_called_bytes_and_path():
    table = {"bytes": [100, 200], "path": ["a", "b"]}
    rows = [{"bytes": 100, "path": "a"}, {"bytes": 200, "path": "b"}]
    for values in (table, rows, pandas.DataFrame(table)):
        assert from_arrays({"item": values}).column("item") == rows


def test_two_columns_of_one_name(tmp_path):
    table = pandas.DataFrame([["a", "x", 1, 1], ["b", "y", 2, 1]], columns=list("ttww"))
    message = r"has 2 columns called '{}'\. Rename them"
    with pytest.raises(ValueError, match=message.format("t")):
        from_dataframe(table, {"text": "t"})
    good = pandas.DataFrame([["a", "x", 1, 1], ["b", "y", 2, 1]], columns=["t", "y", "w", "w"])
    with pytest.raises(ValueError, match=message.format("w")):
        from_dataframe(good, {"text": "t"}, "y", sample_weight="w")
    with pytest.raises(ValueError, match=message.format("t")):
        from_dataframe(table, {"item": ["w"]}, "t")
    with pytest.raises(ValueError, match=message.format("w")):
        from_arrays({"item": good})
    assert len(from_dataframe(good, {"text": "t"}, "y")) == 2  # those that are not asked for


def test_lists_as_python_prints_them(tmp_path):
    pandas.DataFrame({"clip": [["1.png", "2.png"], ["3.png"]]}).to_csv(tmp_path / "rows.csv")
    records = from_csv(tmp_path / "rows.csv", {"image": "clip"}, list_columns=["clip"])
    assert records.column("image") == [["1.png", "2.png"], ["3.png"]]
    video = mmzoo.Video(frames=2, size=4)
    assert video.paths("['1.png', '2.png']") == ["1.png", "2.png"]
    assert video.paths('["1.png"]') == ["1.png"]
    with pytest.raises(ValueError, match="is not a list of paths"):
        video.paths("['1.png' '2.png']")  # as NumPy prints them: Python would join the two


def test_bytes_in_the_cells_of_a_table_are_texts():
    """As a dataset of TensorFlow yields them; they are no files."""
    rows = [{"price": b"1.5", "brand": b"a"}, {"price": 2, "brand": "b"}]
    inputs = {"item": mmzoo.Tabular(numeric=["price"], categorical=["brand"])}
    dataset = tf.data.Dataset.from_tensor_slices({"price": [1.5, 2.0], "brand": ["a", "b"]})
    for source in (rows, dataset, dataset.as_numpy_iterator()):
        preprocessor = mmzoo.Preprocessor(inputs)
        records = from_generator(source, {"item": ["price", "brand"]})
        preprocessor.adapt(records)
        assert preprocessor.preprocessings["item"].vocabularies == {"brand": ["a", "b"]}
        assert preprocessor.preprocessings["item"].statistics == {"price": [1.75, 0.25]}
    stored = StoredBytes("a.tfrecord", 0, 0, 1)
    for cell in (stored, object()):
        with pytest.raises(ValueError, match=r"row 0: column 'brand' of 'item': .*not one value"):
            from_arrays({"item": [{"price": 1, "brand": cell}]}).check(inputs)


def test_class_names_of_hugging_face(tmp_path):
    """Integers beside the names that a dataset brings."""
    feature = types.SimpleNamespace(names=["no", "yes"])
    rows = [{"t": "a", "y": 1}, {"t": "b", "y": 0}]

    class Dataset(list):
        features: typing.ClassVar = {"y": feature, "t": None}

    table = pyarrow.table({"t": ["a", "b"], "y": [1, 0], "tags": [[1], [0, 1]]})
    about = {"y": {"names": ["no", "yes"], "_type": "ClassLabel"}}
    about["tags"] = {"feature": {"names": ["red", "big"]}, "_type": "Sequence"}
    metadata = {"huggingface": json.dumps({"info": {"features": about}})}
    pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), tmp_path / "rows.parquet")
    for records in (
        from_generator(Dataset(rows), {"text": "t"}, "y"),
        from_parquet(tmp_path / "rows.parquet", {"text": "t"}, "y"),
    ):
        assert records.class_names == ["no", "yes"] and records.labels == ["yes", "no"]
    several = from_parquet(tmp_path / "rows.parquet", {"text": "t"}, "tags")
    assert several.class_names == ["red", "big"] and several.labels.tolist() == [[0, 1], [1, 1]]


ROWS_LACKING_LABELS = {
    "title": ["a", "b", "c", "d", "e"],
    "price": ["1", "", "dear", "inf", "2.5"],
    "kind": ["x", "y", None, "", "y"],
}


def lacking_labels(kind, tmp_path, **options):
    """Records of these rows, from a source of that kind."""
    columns = {"text": "title"}
    table = pandas.DataFrame(ROWS_LACKING_LABELS)
    if kind == "csv":
        table.to_csv(tmp_path / "rows.csv", index=False)
        return from_csv(tmp_path / "rows.csv", columns, **options)
    if kind == "frame":
        return from_dataframe(table, columns, **options)
    rows = table.to_dict("records")
    if kind == "generator":
        return from_generator(rows, columns, **options)
    if kind == "parquet":
        table.to_parquet(tmp_path / "rows.parquet")
        return from_parquet(tmp_path / "rows.parquet", columns, **options)
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return from_jsonl(tmp_path / "rows.jsonl", columns, **options)


@pytest.mark.parametrize("kind", ["csv", "frame", "generator", "parquet", "jsonl"])
def test_rows_without_a_label_are_left_out_where_asked(kind, tmp_path):
    def skipping(**options):
        with pytest.warns(UserWarning, match="No usable label in") as caught:
            records = lacking_labels(kind, tmp_path, missing_labels="skip", **options)
        assert records.left_out == str(caught[0].message) and records.take([0]).left_out is None
        return records

    def name(row):
        return lacking_labels(kind, tmp_path).describe(row)

    for options, message in (({"label": "price"}, "dear"), ({"label": "kind"}, "missing")):
        with pytest.raises(ValueError, match=message):
            lacking_labels(kind, tmp_path, regression=options["label"] == "price", **options)
    records = skipping(label="price", regression=True)
    assert records.labels.tolist() == [1.0, 2.5] and records.column("text") == ["a", "e"]
    assert records.describe(1) == name(4)
    assert f"in 3 of 5 rows: {name(1)}, {name(2)}, {name(3)}: left out." in records.left_out
    assert skipping(label="kind", sample_weight=None).labels == ["x", "y", "y"]
    both = skipping(label=["kind", "price"], regression="price")
    assert both.column("text") == ["a", "b", "e"] and both.labels["kind"] == ["x", "y", "y"]
    np.testing.assert_array_equal(both.labels["price"], [1.0, np.nan, 2.5])
    with pytest.raises(ValueError, match="`missing_labels` must be 'raise' or 'skip'"):
        lacking_labels(kind, tmp_path, label="kind", missing_labels="ignore")


def test_arrays_without_a_label_are_left_out_where_asked():
    columns = {"text": ["a", "b", "c"], "table": {"size": [1, 2, 3]}}
    for labels, kept in (
        (["x", None, "y"], ["x", "y"]),
        (np.array([1.0, np.nan, 2.0]), [1.0, 2.0]),
        ({"kind": ["x", None, "y"], "price": [1.5, None, None]}, None),
    ):
        with pytest.warns(UserWarning, match="No usable label in 1 of 3 rows: row 1: left out"):
            records = from_arrays(columns, labels, sample_weight=[1, 2, 3], missing_labels="skip")
        assert records.column("table") == [{"size": 1}, {"size": 3}]
        assert records.sample_weight.tolist() == [1, 3] and records.describe(1) == "row 2"
        if kept is not None:
            assert list(records.labels) == kept
    assert from_arrays(columns, list("xyx"), missing_labels="skip").left_out is None
    with pytest.raises(ValueError, match=r"Not one of the 3 rows of the arrays has a label"):
        from_arrays(columns, [None] * 3, missing_labels="skip")
    with pytest.raises(ValueError, match="one length"):
        from_arrays(columns, ["x"], missing_labels="skip")
