"""Records: sources, labels, splits, batches, and bad input."""

import collections

import numpy as np
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.data import from_arrays, from_csv
from tests.pipeline.raw import picture, raw_columns

INPUTS = {
    "image": mmzoo.Image(size=(8, 8)),
    "text": mmzoo.Text(length=6, vocabulary_size=20),
}


@pytest.fixture
def records():
    columns, labels = raw_columns()
    return from_arrays(columns, labels)


def adapted(records, inputs=INPUTS):
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(records)
    return preprocessor


def batches(dataset):
    return [tf.nest.map_structure(lambda t: t.numpy(), batch) for batch in dataset]


def equal(one, other):
    return all(
        np.array_equal(a, b)
        for a, b in zip(tf.nest.flatten(one), tf.nest.flatten(other), strict=True)
    )


@pytest.fixture
def csv(tmp_path):
    columns, labels = raw_columns(6)
    lines = ["foto,titel,klasse"]
    for row, (value, text) in enumerate(zip(columns["image"], columns["text"], strict=True)):
        (tmp_path / f"{row}.png").write_bytes(value)
        lines.append(f'{row}.png,"{text}, really",{labels[row]}')
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


COLUMNS = {"image": "foto", "text": "titel"}


def test_csv(csv):
    records = from_csv(csv, COLUMNS, label="klasse")
    assert len(records) == 6 and records.class_names == ["blue", "green", "red"]
    x, y = batches(records.to_dataset(adapted(records), batch_size=4))[1]
    assert x["image"].shape == (2, 8, 8, 3) and x["image"].dtype == "uint8"
    assert x["text"].shape == (2, 6) and x["text"].dtype == "int32"
    assert y.tolist() == [1, 0] and y.dtype == "int32"  # rows 4 and 5: green, blue


def test_csv_root(csv, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = csv.rename(elsewhere / "rows.csv")
    with pytest.raises(FileNotFoundError, match=r"0\.png.*row 2, .*and 1 more"):
        from_csv(moved, COLUMNS).check(INPUTS)
    assert from_csv(moved, COLUMNS, root=tmp_path).validate(INPUTS).ok


def test_csv_keeps_texts_as_they_are(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("code,n\n007,1\nNA,2\nnull,1\n")
    records = from_csv(path, {"text": "code"}, label="n")
    assert records.column("text") == ["007", "NA", "null"]
    assert records.class_names == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("foto,titel,klasse\n", "no rows"),
        ("foto,klasse\na.png,x\n", r"no column 'titel'; it has: foto, klasse"),
        ("foto,titel,klasse\na.png,a,x\nb.png,b,\n", r"rows.csv, row 3: the label is missing"),
        ("foto,titel,klasse\na.png,a,x\nb.png,b,x\n", "nothing to tell apart"),
        ("foto,titel,klasse\na.png,a,1.5\nb.png,b,nan\n", "row 3: the label is missing"),
        ('foto,titel,klasse\n"a.png,a,1.5\n', "can't be read as CSV"),
        ("foto,titel,klasse\na.png,a,x,y\n", "can't be read as CSV"),
    ],
)
def test_bad_csv(tmp_path, content, message):
    path = tmp_path / "rows.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        from_csv(path, COLUMNS, label="klasse")


def test_csv_labels(tmp_path):
    path = tmp_path / "rows.csv"

    def labels(*cells, **options):
        path.write_text("t,n\n" + "".join(f"a,{cell}\n" for cell in cells))
        records = from_csv(path, {"text": "t"}, label="n", **options)
        return list(records.labels), records.class_names

    assert labels("10", "9", "2") == (["10", "9", "2"], ["2", "9", "10"])
    assert labels("007", "010") == (["007", "010"], ["007", "010"])
    assert labels("1.5", "2") == ([1.5, 2.0], None)
    assert labels("100", "250", regression=True) == ([100.0, 250.0], None)
    with pytest.raises(ValueError, match="must be numbers"):
        labels("100", "cheap", regression=True)


def test_missing_csv():
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        from_csv("nowhere.csv", COLUMNS)


def test_empty_cells(csv):
    csv.write_text("foto,titel,klasse\n,a,red\n1.png,,blue\n")
    records = from_csv(csv, COLUMNS, label="klasse")
    with pytest.raises(ValueError, match=r"'image' is not optional.*rows\.csv, row 2"):
        records.check(INPUTS)
    optional = {
        "image": mmzoo.Image(size=(8, 8), optional=True),
        "text": mmzoo.Text(length=6, vocabulary_size=20, optional=True),
    }
    x, _ = batches(records.to_dataset(adapted(records, optional)))[0]
    assert x["image_present"].tolist() == [False, True]
    assert x["text_present"].tolist() == [True, False]


def test_absent_arrays():
    pixels = np.full((8, 8, 3), 200, "uint8")
    records = from_arrays({"image": [pixels, None], "text": ["a", "b"]})
    inputs = {**INPUTS, "image": mmzoo.Image(size=(8, 8), optional=True)}
    x = batches(records.to_dataset(adapted(records, inputs)))[0]
    assert x["image_present"].tolist() == [True, False]
    assert (x["image"][0] == 200).all()


@pytest.mark.end_to_end
def test_unreadable_picture_names_row_and_file(csv):
    (csv.parent / "3.png").write_bytes(b"not a picture")
    (csv.parent / "4.png").write_bytes(picture("red")[:50])
    records = from_csv(csv, COLUMNS, label="klasse")
    with pytest.raises(ValueError, match=r"image in 2 of 6 rows.*row 5 \(3.png\).*row 6 \(4.png\)"):
        records.validate(INPUTS).check()
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"image in .*row 5 \(3.png\)"):
        batches(records.to_dataset(adapted(records)))


@pytest.mark.parametrize("cache", [False, True])
@pytest.mark.end_to_end
def test_same_seed_same_batches(records, cache):
    inputs = {**INPUTS, "image": mmzoo.Image(size=(8, 8), augmentation=["flip", "color"])}
    preprocessor = adapted(records, inputs)

    def epochs(seed):
        dataset = records.to_dataset(preprocessor, 4, training=True, seed=seed, cache=cache)
        return [batches(dataset) for _ in range(2)]

    first = epochs(0)
    tf.random.set_seed(99)  # the batches do not depend on it
    second, other = epochs(0), epochs(1)
    assert equal(first, second)
    assert not equal(first, other)
    assert not equal(first[0], first[1])  # another order and other augmentation every epoch
    # Each row once an epoch.
    labels = [[y.tolist() for _, y in epoch] for epoch in first]
    assert sorted(np.concatenate(labels[0])) == sorted(np.concatenate(labels[1]))


@pytest.mark.end_to_end
def test_augmentation_is_for_training_only(records):
    augmented = adapted(
        records, {**INPUTS, "image": mmzoo.Image(size=(8, 8), augmentation="randaugment")}
    )
    plain = adapted(records)
    assert equal(batches(records.to_dataset(augmented)), batches(records.to_dataset(plain)))


def test_training_batches_have_one_shape(records):
    preprocessor = adapted(records)
    dataset = records.to_dataset(preprocessor, batch_size=5, training=True)
    assert [len(y) for _, y in batches(dataset)] == [5, 5]
    assert dataset.element_spec[1].shape == (5,)
    small = records.to_dataset(preprocessor, batch_size=50, training=True)
    assert [len(y) for _, y in batches(small)] == [12]  # never the only one
    assert [len(y) for _, y in batches(records.to_dataset(preprocessor, 5))] == [5, 5, 2]


def test_pictures_and_labels_stay_together(records):
    dataset = records.to_dataset(adapted(records), batch_size=4, training=True)
    for x, y in batches(dataset):
        brightest = x["image"].astype(float).mean(axis=(1, 2)).argmax(axis=1)  # red, green, blue
        assert [["red", "green", "blue"][k] for k in brightest] == [
            records.class_names[k] for k in y
        ]


def test_split_is_stratified_and_seeded():
    labels = ["a"] * 80 + ["b"] * 15 + ["c"] * 5
    records = from_arrays({"text": [str(i) for i in range(100)]}, labels)
    parts = records.split(0.8, 0.1, 0.1, seed=3)
    assert [len(part) for part in parts] == [80, 10, 10]
    for part, share in zip(parts, (0.8, 0.1, 0.1), strict=True):
        counts = collections.Counter(part.labels)
        for label, count in collections.Counter(labels).items():
            assert abs(counts[label] - share * count) <= 1.5
        assert part.class_names == ["a", "b", "c"]
    texts = [text for part in parts for text in part.column("text")]
    assert sorted(texts) == sorted(records.column("text"))
    again = records.split(0.8, 0.1, 0.1, seed=3)
    assert [p.column("text") for p in parts] == [p.column("text") for p in again]
    assert parts[0].column("text") != records.split(0.8, seed=4)[0].column("text")


def test_groups_are_never_split():
    generator = np.random.default_rng(0)
    groups = generator.integers(0, 60, 400)
    labels = [("a", "b", "b", "c")[group % 4] for group in groups]  # a group has one class
    columns = {"text": [f"text {row}" for row in range(400)], "product": groups.tolist()}
    records = mmzoo.data.from_arrays(columns, labels=labels)
    parts = records.split(0.7, 0.2, seed=1, groups="product")
    products = [set(part.column("product")) for part in parts]
    assert not products[0] & products[1] and len(products[0] | products[1]) < 60
    for part, fraction in zip(parts, (0.7, 0.2), strict=True):
        for name in "abc":
            expected = fraction * labels.count(name)
            assert abs(part.labels.count(name) - expected) < 10  # a group has about 7 rows
    again = records.split(0.7, 0.2, seed=1, groups=groups.tolist())
    assert [part.column("text") for part in again] == [part.column("text") for part in parts]
    assert records.split(0.7, seed=2, groups="product")[0].labels != parts[0].labels
    with pytest.raises(ValueError, match="There are 400 rows, but 3 in `groups`"):
        records.split(0.5, groups=["a", "b", "c"])
    with pytest.raises(ValueError, match="leaves a part without rows"):
        records.split(0.5, 0.5, groups=["one"] * 400)


@pytest.mark.parametrize("fractions", [(), (0.5, 0.6), (1.0, 0.0), (-0.1,), (0.001,)])
def test_impossible_splits(records, fractions):
    with pytest.raises(ValueError, match=r"Fractions|part without rows"):
        records.split(*fractions)


@pytest.mark.parametrize(
    ("labels", "class_names", "encoded"),
    [
        ([10, 9, 2], ["2", "9", "10"], [2, 1, 0]),
        (np.array([1, 0, 1]), ["0", "1"], [1, 0, 1]),
        ([True, False, True], ["False", "True"], [1, 0, 1]),
        (["no", "yes", "no"], ["no", "yes"], [0, 1, 0]),
    ],
)
def test_class_labels(labels, class_names, encoded):
    records = from_arrays({"text": ["a", "b", "c"]}, labels)
    assert records.class_names == class_names
    preprocessor = adapted(records, {"text": INPUTS["text"]})
    assert batches(records.to_dataset(preprocessor))[0][1].tolist() == encoded


def test_number_labels_and_weights():
    texts = {"text": ["a", "b"]}
    records = from_arrays(texts, [1.5, -2.0], sample_weight=[1, 3])
    _, y, weight = batches(records.to_dataset(adapted(records, {"text": INPUTS["text"]})))[0]
    assert y.tolist() == [1.5, -2.0] and weight.tolist() == [1, 3]
    several = from_arrays(texts, np.eye(2))
    assert batches(several.to_dataset(adapted(several, {"text": INPUTS["text"]})))[0][1].shape == (
        2,
        2,
    )


def test_label_outside_the_classes(records):
    with pytest.raises(ValueError, match="row 1: label 'pink' is not one of the 2 classes"):
        from_arrays({"text": ["a", "b"]}, ["red", "pink"], class_names=["red", "green"])
    stranger = from_arrays(
        {"image": records.column("image")[:2], "text": ["a", "b"]}, ["red", "reed"]
    )
    with pytest.raises(ValueError, match=r"row 1: label 'reed'.*Did you mean 'red'"):
        stranger.to_dataset(adapted(records))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({"text": []},), "no rows"),
        (({},), "no rows"),
        (({"text": ["a"], "image": [b"1", b"2"]},), "one length"),
        (({"text": ["a", "b"]}, [1]), "one length"),
        (({"text": ["a", "b"]}, [1.0, float("inf")]), "row 1: the label is not a finite number"),
        (({"text": ["a", "b"]}, [1.0, 1e300]), "row 1: the label 1e.300 is larger than float32"),
        (({"text": ["a", "b"]}, [1.0, float("nan")]), "row 1: the label is missing"),
        (({"text": ["a", "b"]}, ["x", None]), "row 1: the label is missing"),
        (({"text": ["a", "b"]}, None, None, [1, 1]), "needs labels"),
        (({"text": ["a", "b"]}, ["x", "y"], None, [1, -1]), "row 1: the sample weight -1.0"),
        (({"text": ["a", "b"]}, ["x", "y"], None, [np.nan, 1]), "row 0: the sample weight nan"),
        (({"text": ["a", "b"]}, [[1, "x"], [2, "y"]]), "must be numbers"),
        (({"text": ["a", "b"]}, [[1, 2], [3]]), "must be equally long"),
        (({"text": ["a", "b"]}, np.eye(2), ["x"]), "1 class names"),
    ],
)
def test_bad_arrays(arguments, message):
    with pytest.raises(ValueError, match=message):
        from_arrays(*arguments)


def test_a_column_is_not_one_value():
    with pytest.raises(TypeError, match="Column 'text' must be a sequence"):
        from_arrays({"text": "a text"})


def test_several_labels_at_once():
    records = from_arrays({"text": ["a", "b"]}, [[1, 0], [1, 1]], class_names=["x", "y"])
    assert records.class_names == ["x", "y"] and len(records.split(0.5, 0.5)[0]) == 1
    preprocessor = adapted(records, {"text": INPUTS["text"]})
    assert batches(records.to_dataset(preprocessor))[0][1].tolist() == [[1, 0], [1, 1]]


def test_unknown_column(records):
    with pytest.raises(ValueError, match="no column 'voice'; they have: image, text"):
        records.column("voice")


def test_dataframe():
    import pandas

    table = pandas.DataFrame({"titel": ["a", None], "klasse": ["x", "y"]})
    records = mmzoo.data.from_dataframe(table, {"text": "titel"}, label="klasse")
    assert records.column("text") == ["a", None]
    with pytest.raises(ValueError, match="no column 'title'"):
        mmzoo.data.from_dataframe(table, {"text": "title"})


def test_tux_paint(tmp_path):
    for topic, count in (("animals", 3), ("food", 2), ("space", 1)):
        for number in range(count):
            stamp = tmp_path / topic / "any" / f"stamp{number}"
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.with_suffix(".png").touch()
            stamp.with_suffix(".txt").write_text(f"Ä {topic}.\nfr.utf8=Un.\n", encoding="utf-8")
            stamp.with_name(f"stamp{number}_desc_fr.ogg").touch()
    (tmp_path / "animals" / "any" / "stamp0.txt").unlink()
    records = mmzoo.data.tux_paint(tmp_path, smallest=2)
    assert records.labels == ["animals", "animals", "food", "food"]
    assert records.column("text") == ["Ä animals."] * 2 + ["Ä food."] * 2
    assert records.column("audio")[0].endswith("stamp1_desc_fr.ogg")
    with pytest.raises(FileNotFoundError, match="tuxpaint-stamps-default"):
        mmzoo.data.tux_paint(tmp_path / "nowhere")


def test_messages_about_rows_have_moved():
    records = mmzoo.data.from_arrays({"text": ["a"] * 9})
    with pytest.warns(DeprecationWarning, match=r"mmzoo.data.bad_rows.listed"):
        assert records.listed([1, 2]) == "row 1, row 2"
    with pytest.raises(AttributeError, match="no attribute 'wrong'"):
        records.wrong  # noqa: B018
