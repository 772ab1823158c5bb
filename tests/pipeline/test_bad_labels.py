"""Labels that are none of their kind: an error names the file, the row and the column."""

import dataclasses
import io
import json
import re

import numpy as np
import pandas
import PIL.Image
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.heads import Box, Mask, Regression, Sigmoid, Softmax
from mmzoo.targets.place_target import fail_where

ROWS = 4
TEXTS = ["a red one", "a blue one", "a red one", "a green one"]
TEXT = {"text": mmzoo.Text(length=3, vocabulary_size=9, encoder="bag")}
CLASSES = ["x", "y"]


def cell(value):
    """As a CSV file has it."""
    return json.dumps(value) if isinstance(value, list) else value


def from_csv(rows, path, **options):
    table = pandas.DataFrame([{k: cell(v) for k, v in row.items()} for row in rows])
    table.to_csv(path / "rows.csv", index=False)
    return mmzoo.data.from_csv(path / "rows.csv", **options)


def from_jsonl(rows, path, **options):
    (path / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return mmzoo.data.from_jsonl(path / "rows.jsonl", **options)


def from_parquet(rows, path, **options):
    pandas.DataFrame(rows).to_parquet(path / "rows.parquet")
    return mmzoo.data.from_parquet(path / "rows.parquet", **options)


def from_directory(rows, path, **options):
    (path / "rows").mkdir()
    lines = [{**row, "file_name": row["photo"]} for row in rows]
    for line in lines:
        (path / "rows" / line["photo"]).write_bytes(b"any")
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (path / "rows" / "metadata.jsonl").write_text(text)
    return mmzoo.data.from_directory(path / "rows", **options)


#: Source -> (function that makes records of dicts, what messages call its third row).
SOURCES = {
    "csv": (from_csv, "rows.csv, row 4"),
    "frame": (
        lambda rows, path, **options: mmzoo.data.from_dataframe(
            pandas.DataFrame(rows), name="the table", **options
        ),
        "the table, row 2",
    ),
    "jsonl": (from_jsonl, "rows.jsonl, line 3"),
    "parquet": (from_parquet, "rows.parquet, row 2"),
    "generator": (
        lambda rows, path, **options: mmzoo.data.from_generator(rows, **options),
        "row 2",
    ),
    "directory": (from_directory, "metadata.jsonl, line 3"),
}


#: What is wrong -> (labels, head, what the message says beside row and column, options).
WRONG = {
    "text for numbers": (["1.5", "2", "dear", "3"], Regression(), "'dear' is no number", {}),
    "text where numbers are asked for": (
        ["1.5", "2", "dear", "3"], Regression(), "has 'dear'", {"regression": True},
    ),
    "not finite": (["1.5", "2", "inf", "3"], Regression(), "not a finite number", {}),
    "number for a class": (
        ["0.0", "1.0", "0.5", "1.0"], Softmax(class_names=CLASSES), "0.5 is no class",
        {"regression": True},
    ),
    "number for yes or no": (
        ["0.0", "1.0", "7.5", "1.0"], Sigmoid(class_names=CLASSES), "7.5 is neither no, 0, nor",
        {"regression": True},
    ),
    "unknown class": (
        ["x", "y", "z", "x"], Softmax(class_names=CLASSES), "'z' is not one of the 2 classes", {},
    ),
    "no label": (["x", "y", None, "x"], Softmax(class_names=CLASSES), "label is missing", {}),
    "several labels": (
        ["x", "y", "x|y", "x"], Softmax(class_names=CLASSES), "2 labels, but the head takes one",
        {"label_delimiter": "|"},
    ),
    "x1 < x0": (
        [[1, 1, 5, 5]] * 2 + [[5, 1, 1, 5]] * 2, Box(image="text"), "has x1 < x0", {},
    ),
    "three sides": (
        [[1, 1, 5, 5]] * 2 + [[5, 1, 1]] + [[1, 1, 5, 5]], Box(image="text"),
        "3 values, but others", {},
    ),
    "no mask": (["a.png", "a.png", "gone.png", "a.png"], Mask(image="text"), "no such file", {}),
}  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("several", [False, True])
def test_file_row_and_column_are_named(source, several, tmp_path, monkeypatch):
    read, third = SOURCES[source]
    monkeypatch.setattr(Box, "fitted_to", lambda self, *_: self)  # a place, without a picture
    monkeypatch.setattr(Mask, "fitted_to", lambda self, *_: self)
    for number, (what, (labels, head, message, options)) in enumerate(WRONG.items()):
        place = tmp_path / str(number)
        place.mkdir()
        (place / "a.png").write_bytes(b"any")
        rows = [
            {"title": text, "photo": f"{i}.jpg", "answer": label, "kind": "xyxy"[i]}
            for i, (text, label) in enumerate(zip(TEXTS, labels, strict=True))
        ]
        if several and what == "no label":
            continue  # a row may lack one of several
        if several:
            options = {**options, "regression": "answer"} if "regression" in options else options
            if "label_delimiter" in options:
                options = {"label_delimiter": {"answer": "|"}}
            head = {"answer": head, "kind": Softmax(class_names=CLASSES)}
        label = ["answer", "kind"] if several else "answer"
        with pytest.raises((ValueError, FileNotFoundError)) as error:
            options = {"label": label, "root": place, **options}
            records = read(rows, place, columns={"text": "title"}, **options)
            preprocessor = mmzoo.Preprocessor(TEXT, head)
            for target in preprocessor.targets.values():
                target.picture = None
            preprocessor.adapt(records)
            preprocessor.encode(records)
        said = str(error.value)
        assert message in said and third in said and "column 'answer'" in said, (what, said)


@pytest.mark.parametrize("source", SOURCES)
def test_a_column_that_is_all_wrong_is_named(source, tmp_path):
    read, _ = SOURCES[source]
    rows = [{"title": text, "photo": f"{i}.jpg", "kind": "x"} for i, text in enumerate(TEXTS)]
    with pytest.raises(ValueError, match=r"All 4 labels are 'x'.*\(column 'kind' of .*\)\."):
        read(rows, tmp_path, columns={"text": "title"}, label="kind")
    tmp_path /= "several"
    tmp_path.mkdir()
    rows = [{**row, "price": None, "kind": "xyxy"[i]} for i, row in enumerate(rows)]
    with pytest.raises(ValueError, match=r"Labels of 'price'.*no label in any row.*of .*\)\."):
        read(rows, tmp_path, columns={"text": "title"}, label=["kind", "price"])


def png(pixels, mode=None):
    file = io.BytesIO()
    PIL.Image.fromarray(pixels, mode).save(file, "PNG")
    return file.getvalue()


GOOD = png(np.zeros((6, 8), "uint8"))
#: What is wrong with a place in a picture of 6 x 8 pixels: head, good label, bad label, message.
PLACES = {
    "outside": (Box(), [1, 1, 5, 5], [1, 1, 50, 5], "does not lie in its picture"),
    "another size": (Mask(), GOOD, png(np.zeros((3, 3), "uint8")), "has 3 x 3 pixels"),
    "another value": (Mask(), GOOD, png(np.full((6, 8), 9, "uint8")), "has a pixel of 9"),
    "colours": (Mask(), GOOD, png(np.zeros((6, 8, 3), "uint8")), "PNG file of one channel"),
    "16 bits": (Mask(), GOOD, png(np.zeros((6, 8), "uint16")), "of 8 bits a pixel at most"),
    "a web page": (Mask(), GOOD, b"<html>", "PNG file of one channel"),
    "short": (Mask(), GOOD, b"\x89PNG", "can't be read: damaged"),
    "damaged": (Mask(), GOOD, GOOD[:-20], "can't be read: damaged"),
}


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.end_to_end
def test_places_that_are_not_in_their_picture(several, tmp_path):
    picture = png(np.zeros((6, 8, 3), "uint8"))
    preprocessors = {}  # one for all cases of a head, which decodes by what it has traced
    for what in ["outside", "another size"] if several else PLACES:
        head, good, bad, message = PLACES[what]
        kind_of_head = type(head)
        rows = [
            {"photo": picture, "place": label, "kind": kind}
            for label, kind in zip([good, good, bad], "xyx", strict=True)
        ]
        label = ["place", "kind"] if several else "place"
        if several:
            head = {"place": head, "kind": Softmax(class_names=CLASSES)}
        records = mmzoo.data.from_generator(rows, {"image": "photo"}, label)
        made = mmzoo.Preprocessor({"image": mmzoo.Image(size=(6, 8))}, head)
        preprocessor = preprocessors.setdefault(kind_of_head, made)
        preprocessor.adapt(records)
        with pytest.raises(tf.errors.InvalidArgumentError) as error:
            list(records.to_dataset(preprocessor, batch_size=3))
        said = error.value.message.replace("\\'", "'")
        assert message in said and "row 2, column 'place'" in said, (what, said)


def test_an_error_of_a_dataset_is_one_sentence():
    def batch(row):
        said = tf.constant([b"B\xc3\xbccher.csv, row 4, column 'Ort': no [box]"])
        with tf.control_dependencies([fail_where(row[None] > 0, said)]):
            return {"text": tf.ones((2, 3), tf.int32)}, tf.ones((2, 1))

    dataset = tf.data.Dataset.range(2).map(batch)
    model = mmzoo.build_model(inputs=TEXT, head="sigmoid", fusion="sum", dim=4)
    for way in (model.fit, model.evaluate, model.predict, mmzoo.evaluate):
        given = (model, dataset, False) if way is mmzoo.evaluate else (dataset,)
        with pytest.raises(ValueError) as error:
            way(*given, **({} if way is mmzoo.evaluate else {"verbose": 0}))
        assert str(error.value) == "Bücher.csv, row 4, column 'Ort': no [box]."


def boxes_of(path, place):
    """Records of a file of pictures of 6 x 8 pixels, the third of which has this box."""
    (path / "Bild ü.png").write_bytes(png(np.zeros((6, 8, 3), "uint8")))
    rows = [{"photo": "Bild ü.png", "Ort 'a'": box} for box in ([1, 1, 5, 5], [0, 0, 2, 2], place)]
    return from_csv(rows, path, columns={"image": "photo"}, label="Ort 'a'")


@pytest.mark.end_to_end
def test_fit_and_evaluate_say_what_is_wrong_with_a_label(tmp_path):
    records = boxes_of(tmp_path, [1, 1, 50, 5])
    good = records.take([0, 1])
    encoder = {"class_name": "cnn", "config": {"filters": [2]}}
    inputs = {"image": mmzoo.Image(size=(6, 8), encoder=encoder)}
    preprocessor = mmzoo.Preprocessor(inputs, Box())
    preprocessor.adapt(records)
    model = mmzoo.build_model(inputs=inputs, head=preprocessor.head, dim=4)
    bad, said = records.to_dataset(preprocessor, 3), []
    ways = {
        "fit": lambda: model.fit(bad, verbose=0),
        "training.fit": lambda: mmzoo.training.fit(model, records, preprocessor, verbose=0),
        "validation": lambda: mmzoo.training.fit(model, good, preprocessor, records, verbose=0),
        "model.evaluate": lambda: model.evaluate(bad, verbose=0),
        "predict": lambda: model.predict(bad, verbose=0),
        "evaluate": lambda: mmzoo.evaluate(model, bad, verbose=False),
    }
    for way in ways.values():
        with pytest.raises(ValueError) as error:
            way()
        said.append(str(error.value))
    assert said == [said[0]] * len(ways)
    assert re.fullmatch(
        r"\S*rows\.csv, row 4, column \"Ort 'a'\": the box \[1, 1, 50, 5\] does not lie in its "
        "picture 'image', which is 8 pixels wide and 6 high. .*as it is stored\\.",
        said[0],
    ), said[0]


def test_validate_asks_the_head_what_is_wrong_with_a_box():
    boxes = [[1, 1, 50, 5], [5, 1, 1, 5], [1, 1, 5, 5], [1, 0, 8, 6]]
    pictures = [np.full((6, 8, 3), row, "uint8") for row in range(4)]
    records = mmzoo.data.from_arrays({"image": pictures}, boxes)
    report = records.validate({"image": mmzoo.Image(size=(3, 5))}, head="box")
    assert [(finding.row, finding.column, finding.kind) for finding in report.errors] == [
        (row, "label", "label") for row in (0, 1)
    ]
    first, second = (finding.message for finding in report.errors)
    assert first.startswith(
        "the box [1, 1, 50, 5] does not lie in its picture 'image', which is 8 "
    )
    assert second.startswith("the box [5.0, 1.0, 1.0, 5.0] has x1 < x0.")
    message = "Bad label in 2 of 4 rows, column 'label': row 0: the box .*; row 1: .* has x1 < x0"
    with pytest.raises(ValueError, match=message):
        report.check()
    optional = {"image": mmzoo.Image(size=(3, 5), optional=True)}
    with pytest.raises(ValueError, match=f"{message}.*A label can't be taken as absent"):
        dataclasses.replace(report, inputs=optional).usable_records("missing")
    assert report.usable_records("skip").labels.tolist() == boxes[2:]


@pytest.mark.end_to_end
def test_validate_finds_what_training_does_in_every_place():
    picture = png(np.zeros((6, 8, 3), "uint8"))
    for head in (Box, Mask):
        cases = [case[1:] for case in PLACES.values() if type(case[0]) is head]
        labels = [label for good, bad, _ in cases for label in (good, bad)]
        kinds = ["x", "y"] * len(cases)
        records = mmzoo.data.from_arrays(
            {"image": [picture] * len(labels)}, {"place": labels, "kind": kinds}
        )
        heads = {"place": head(), "kind": Softmax(class_names=CLASSES)}
        report = records.validate({"image": mmzoo.Image(size=(6, 8))}, head=heads)
        assert report.classes == {"kind: x": len(cases), "kind: y": len(cases)}
        assert [f.row for f in report.errors] == list(range(1, len(labels), 2))
        for finding, (_, _, message) in zip(report.errors, cases, strict=True):
            assert message in finding.message and finding.column == "place"
    same = mmzoo.data.from_arrays({"image": [picture] * 2}, [[1, 1, 5, 5]] * 2)
    assert len(same.validate({"image": mmzoo.Image(size=(6, 8))}).notes) == 4  # numbers, constant
    assert not same.validate({"image": mmzoo.Image(size=(6, 8))}, head="box").notes


def test_validate_asks_heads_of_texts(tmp_path):
    tags = [["O", "B-x", "O"], ["O", "O"], ["O", "B-x", "I-x"], ["O", "I-x", "O"]]
    rows = [
        {"title": text, "tags": of_row, "price": price}
        for text, of_row, price in zip(TEXTS, tags, [1.0, 1.0, 1.0, None], strict=True)
    ]
    records = from_jsonl(rows, tmp_path, columns={"text": "title"}, label=["tags", "price"])
    text = {"text": mmzoo.Text(length=3, vocabulary_size=9, words="spaces")}
    report = records.validate(text, head={"tags": "tags", "price": "regression"})
    errors = [(f.row, f.column, f.severity) for f in report.errors]
    assert errors == [(1, "tags", "error"), (3, "tags", "error")]
    assert report.errors[0].message.startswith("2 tags for the 3 words of 'text'")
    assert report.errors[0].where.endswith("rows.jsonl, line 2")
    note = "price: The labels are constant: 1 in all 3 rows. There is nothing to learn."
    assert note in report.notes
    with pytest.raises(ValueError, match="The heads answer tags, but the records have labels of"):
        records.validate(text, head={"tags": "tags"})
