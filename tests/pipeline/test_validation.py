"""Validation: every kind of bad value is found, named and counted, as training would find it."""

import csv
import io
import json

import numpy as np
import PIL.Image
import pytest

import mmzoo
from mmzoo.raw.file_heads import is_truncated, picture_size
from tests.parts import slow_among
from tests.pipeline.raw import encoded, picture, sound
from tests.pipeline.test_cli import mmzoo as command_line
from tests.pipeline.test_pictures import FILES

GRAY = encoded(np.full((20, 20, 3), 128))
WIDE = encoded(np.random.default_rng(0).integers(0, 255, (9, 100, 3)))
SMALL = encoded(np.random.default_rng(0).integers(0, 255, (4, 6, 3)))
HUGE = encoded(np.random.default_rng(0).integers(0, 255, (40, 60, 3)))
#: Content of a file -> what should be said of it; `None` for what is fine.
PICTURES = {
    "good.png": (picture("red"), None),
    "missing.png": (None, ("error", "missing file")),
    "empty.png": (b"", ("error", "empty")),
    "junk.png": (b"not a picture at all", ("error", "unreadable")),
    "cut.png": (picture("red")[:150], ("error", "truncated")),
    "cut.jpg": (encoded(np.zeros((30, 30, 3)), "JPEG")[:-40], ("error", "truncated")),
    "cut.gif": (encoded(np.zeros((20, 20, 3)), "GIF")[:-9], ("error", "truncated")),
    "huge.png": (HUGE, ("error", "too large")),
    "small.png": (SMALL, ("warning", "tiny")),
    "wide.png": (WIDE, ("warning", "narrow")),
    "gray.png": (GRAY, ("warning", "one colour")),
}
TEXTS = ["a red one", "b two words here now", "c", b"d caf\xe9", "e e e", "f", "g", "h", "i", "j"]
IMAGE = mmzoo.Image(size=(8, 8), max_pixels=1000)
TEXT = mmzoo.Text(length=3, vocabulary_size=50)


@pytest.fixture
def records(tmp_path):
    for name, (content, _) in PICTURES.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
    columns = {"image": list(PICTURES), "text": [*TEXTS, "\ud800 k"]}
    labels = ["x"] * 8 + ["y"] * 3
    return mmzoo.data.from_arrays(columns, labels, root=tmp_path)


@pytest.mark.parametrize("resize", slow_among(["stretch", "fit"], slow=["stretch"]))
@pytest.mark.end_to_end
def test_every_kind_of_bad_value(records, resize):
    image = mmzoo.Image(size=(8, 12), max_pixels=1000, resize=resize)
    report = records.validate({"image": image, "text": TEXT})
    found = {
        (finding.value, (finding.severity, finding.kind))
        for finding in report.findings
        if finding.column == "image"
    }
    assert found == {(name, kind) for name, (_, kind) in PICTURES.items() if kind is not None}
    texts = [(f.row, f.severity, f.kind) for f in report.findings if f.column == "text"]
    assert texts == [(3, "warning", "not UTF-8"), (10, "error", "invalid")]
    assert not report.ok and "row 10" in next(f for f in report.errors if f.row == 10).where
    assert report.classes == {"x": 8, "y": 3}
    assert report.columns["image"]["smallest"] == [4, 6]
    assert report.columns["image"]["largest"] == [9, 100]
    text = str(report)
    assert "11 rows, 8 of them can't be used" in text
    assert "row 7: image: huge.png: 40 x 60 pixels are more than max_pixels=1000." in text
    assert "errors: truncated: 3" in text


@pytest.mark.slow
def test_what_can_not_be_read_is_what_training_can_not_read(records):
    inputs = {"image": IMAGE, "text": TEXT}
    report = records.validate(inputs)
    usable = report.usable_records("skip")
    preprocessor = mmzoo.Preprocessor(inputs)
    preprocessor.adapt(usable)
    rows = mmzoo.data.from_arrays(records.columns, np.arange(11.0), root=records.root)
    kept = [y.numpy() for _, y in rows.to_dataset(preprocessor, 4, on_error="skip")]
    bad = {finding.row for finding in report.errors}
    assert np.concatenate(kept).tolist() == [row for row in range(11) if row not in bad]
    assert len(usable) == 11 - len(bad)
    with pytest.raises(ValueError, match="row 10: the text of 'text' is not valid Unicode"):
        rows.take([0, 10]).to_dataset(preprocessor)
    with pytest.raises(FileNotFoundError, match=r"missing\.png"):
        report.check()


@pytest.mark.slow
def test_what_is_missing_is_absent(records, caplog):
    optional = {"image": mmzoo.Image(size=8, max_pixels=1000, optional=True)}
    report = records.validate(optional)
    bad = sorted({finding.row for finding in report.errors})
    # An empty file of an optional modality is an absent value.
    assert [f.kind for f in report.warnings if f.value == "empty.png"] == ["empty"]
    preprocessor = mmzoo.Preprocessor(optional)
    rows = mmzoo.data.from_arrays({"image": list(PICTURES)}, root=records.root)
    x = next(iter(rows.to_dataset(preprocessor, 20, on_error="missing")))
    assert np.flatnonzero(~x["image_present"].numpy()).tolist() == sorted([*bad, 2])
    assert f"No readable image in {len(bad)} of 11 rows: row 1 (missing.png)" in caplog.text
    usable = report.usable_records("missing")
    assert [value is None for value in usable.column("image")] == [row in bad for row in range(11)]
    both = mmzoo.data.from_arrays(
        {"image": list(PICTURES), "other": list(PICTURES)}, root=rows.root
    )
    required = both.validate({**optional, "other": IMAGE})
    with pytest.raises(ValueError, match="It is not optional, so it can't be taken as absent"):
        required.usable_records("missing")
    with pytest.raises(ValueError, match="'ignore'"):
        required.usable_records("ignore")


def test_texts_are_measured():
    texts = ["one two three", "one", "one two three four five six seven", "one two", ""]
    records = mmzoo.data.from_arrays({"text": texts}, labels=["x", "y", "x", "y", "x"])
    optional = mmzoo.Text(length=3, vocabulary_size=50, optional=True)
    report = records.validate({"text": optional})
    figures = report.columns["text"]
    assert figures["absent"] == 1 and figures["distinct"] == 4
    assert figures["tokens"] == {
        "mean": 13 / 4,
        "median": 2.5,
        "longest": 7,
        "histogram": {"1": 1, "2": 1, "3-4": 1, "5-8": 1},
    }
    assert figures["cut"] == 1 / 4 and figures["unknown"] == 0
    preprocessor = mmzoo.Preprocessor({"text": optional})
    preprocessor.adapt(records.take([1, 3]))
    again = records.validate({"text": optional}, preprocessor)
    assert again.columns["text"]["unknown"] == 6 / 13  # all but "one" and "two"


def test_sub_words_are_measured():
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "play", "##ing"]
    words = mmzoo.tokenizers.WordPiece(vocabulary, lowercase=True)
    text = mmzoo.Text(length=4, tokenizer=words)
    records = mmzoo.data.from_arrays({"text": ["Playing", "play play what"]})
    figures = records.validate({"text": text}).columns["text"]
    assert figures["tokens"]["longest"] == 5 and figures["cut"] == 0.5
    assert figures["unknown"] == 1 / 9


def test_duplicates_by_content(tmp_path):
    for name, color in {"a": "red", "copy": "red", "b": "blue"}.items():
        (tmp_path / f"{name}.png").write_bytes(picture(color))
    columns = {
        "image": ["a.png", "copy.png", "b.png", "a.png"],
        "text": ["same", "same", "same", "other"],
    }
    records = mmzoo.data.from_arrays(columns, ["x", "y", "x", "y"], root=tmp_path)
    report = records.validate({"image": IMAGE, "text": TEXT})
    assert [(f.row, f.kind) for f in report.findings] == [(1, "duplicate"), (1, "contradiction")]
    assert report.columns["image"]["distinct"] == 2 and report.columns["text"]["distinct"] == 2
    assert "'y', but row 0, with the same values, is 'x'" in report.findings[1].message
    assert report.columns["image"]["repeated"] == {
        "files": 1, "rows": 3, "examples": [["row 0", "row 1", "row 3"]]
    }  # fmt: skip
    assert "row 0, row 1, row 3" in str(report)


def test_labels_of_several_answers_are_counted():
    labels = {"kind": ["a", "A", None, "a"], "price": [1.0, None, 2.5, 3.0]}
    records = mmzoo.data.from_arrays({"text": ["one", "two", "three", "one"]}, labels)
    report = records.validate({"text": TEXT})
    assert report.classes == {"kind: A": 1, "kind: a": 2}
    assert any(note.startswith("kind: The labels 'a'") for note in report.notes)
    assert [finding.message for finding in report.findings if finding.kind == "contradiction"] == [
        "price: 3.0, but row 0, with the same values, is 1.0."
    ]


def test_cells_of_a_table_are_counted():
    cells = {"price": ["1", "", "3", "NA"], "brand": ["acme", "", "acme", "other"]}
    records = mmzoo.data.from_arrays({"item": cells})
    table = mmzoo.Tabular(numeric=["price"], categorical=["brand"], optional=True)
    report = records.validate({"item": table})
    assert report.columns["item"]["cells"] == {
        "price": {"values": 2, "blank": 2, "smallest": 1.0, "mean": 2.0, "largest": 3.0},
        "brand": {"values": 3, "blank": 1, "distinct": 2},
    }
    assert "price: 2 values, 2 blank, smallest 1, mean 2, largest 3" in str(report)
    json.dumps(report.to_dict())


def test_sounds_and_arrays():
    silence = np.zeros(40, "int16")
    voice = mmzoo.Audio(sample_rate=4000, seconds=0.01)
    records = mmzoo.data.from_arrays({"voice": [sound(), sound()[:60], b"", b"nothing"]})
    kinds = [finding.kind for finding in records.validate({"voice": voice}).findings]
    assert kinds == ["truncated", "absent", "unreadable"]
    arrays = mmzoo.data.from_arrays({"voice": [silence, silence + 5]})
    assert [f.kind for f in arrays.validate({"voice": voice}).findings] == ["silent"]
    pixels = np.random.default_rng(0).integers(0, 255, (2, 9, 9, 3)).astype("uint8")
    pictures = mmzoo.data.from_arrays({"image": list(pixels)})
    assert pictures.validate({"image": IMAGE}).findings == []


def test_headers():
    """The header's size is that of the stored pixels, and a whole file is not truncated."""
    for name, content in FILES.items():
        with PIL.Image.open(io.BytesIO(content)) as image:
            assert picture_size(content) == image.size[::-1], name
        assert not is_truncated(content), name
        for end in range(min(60, len(content))):
            picture_size(content[:end])  # nothing, or a size, but no error
            is_truncated(content[:end])


@pytest.fixture
def rows_csv(records, tmp_path):
    path = tmp_path / "rows.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["photo", "title", "kind"])
        for row in range(10):
            writer.writerow([records.column("image")[row], f"title {row}", "xy"[row % 2]])
    return path


@pytest.mark.slow
def test_command_line(rows_csv, tmp_path, capsys):
    columns = ["--image", "photo", "--text", "title", "--label", "kind"]
    output = tmp_path / "report"
    assert command_line("check", rows_csv, *columns, "--output", output) == 1
    printed = capsys.readouterr().out
    assert "10 rows, 6 of them can't be used" in printed
    assert "rows.csv, row 4: image: empty.png: The file has no bytes." in printed
    summary = json.loads((output / "report.json").read_text())
    assert summary["errors"] == {
        "missing file": 1, "empty": 1, "unreadable": 1, "truncated": 3,
    }  # fmt: skip
    assert summary["classes"] == {"x": 5, "y": 5}
    with open(output / "bad_rows.csv", newline="") as file:
        bad = list(csv.DictReader(file))
    assert [row["value"] for row in bad if row["severity"] == "error"] == [
        "missing.png", "empty.png", "junk.png", "cut.png", "cut.jpg", "cut.gif",
    ]  # fmt: skip
    rows_csv.write_text("photo,title,kind\ngood.png,a,x\nhuge.png,b,y\n")
    assert command_line("check", rows_csv, *columns, "--output", output) == 0
    assert json.loads((output / "report.json").read_text())["errors"] == {}
    assert command_line("check", rows_csv, *columns, "--optional", "picture") == 1
    assert "No such input: --optional picture. There are: image, text" in capsys.readouterr().err


def test_contradictions_of_masks_and_spans():
    """Labels of other shapes are compared, too, and long ones shortened."""
    spans = [[[0, 1, "x"]], [[0, 1, "x"], {"start": 2, "end": 3, "label": "y"}], [[0, 1, "x"]]]
    masks = [np.zeros((40, 40), "uint8"), np.zeros((3, 3), "uint8"), np.zeros((40, 40), "uint8")]
    for labels in (spans, masks):
        records = mmzoo.data.from_arrays({"text": ["a b"] * 3}, labels)
        found = records.validate({"text": TEXT}).warnings
        assert [(finding.row, finding.kind) for finding in found] == [
            (1, "duplicate"), (1, "contradiction"), (2, "duplicate")
        ]  # fmt: skip
        assert "but row 0, with the same values, is [[0" in found[1].message
        assert len(found[1].message) < 300
