"""What the columns of a file hold, where nobody says."""

import json
import random

import numpy as np
import PIL.Image
import pytest

from mmzoo.commands.inferred_table import print_inferred
from mmzoo.data.inference import infer_columns
from tests.pipeline.test_cli import mmzoo

ROWS = 60


def shop(folder, **more):
    """A CSV file with a column of each kind; `more` are further columns, functions of the row."""
    draw = random.Random(0)
    words = ["red", "blue", "shoe", "hat", "big", "small", "leather"]
    columns = {
        "id": lambda row: row,
        "photo": lambda row: f"{row}.png",
        "voice": lambda row: f"{row}.wav",
        "title": lambda row: " ".join(draw.choices(words, k=6)),
        "price": lambda row: f"{draw.uniform(1, 90):.2f}" if row % 7 else "n/a",
        "stars": lambda row: draw.randint(1, 5),
        "shop": lambda row: draw.choice(["north", "south", ""]),
        "postcode": lambda row: f"0{draw.randint(100, 110)}",
        "sku": lambda row: f"A-{row}-{draw.random()}",
        "vector": lambda row: f'"[{draw.random()}, 1.0, 2.0]"',
        "ragged": lambda row: f'"{[1.0] * (1 + row % 2)}"',
        "sold": lambda row: f"2026-01-{1 + row % 28:02d}",
        "nothing": lambda row: "",
        "country": lambda row: "DE",
        "kind": lambda row: "shoe" if row % 3 else "hat",
        **more,
    }
    for row in range(ROWS):
        PIL.Image.fromarray(np.full((20, 40, 3), row, "uint8")).save(folder / f"{row}.png")
        (folder / f"{row}.wav").write_bytes(b"RIFF\0\0\0\0WAVEfmt ")
    lines = [",".join(str(make(row)) for make in columns.values()) for row in range(ROWS)]
    path = folder / "rows.csv"
    path.write_text("\n".join([",".join(columns), *lines]))
    return path


def kinds(found):
    return {column: kind for column, kind, _ in found.table()}


def test_every_kind_of_column(tmp_path):
    found = infer_columns(shop(tmp_path), ["kind"])
    assert kinds(found) == {
        "id": "left out",
        "photo": "image",
        "voice": "audio",
        "title": "text",
        "price": "numeric",
        "stars": "numeric",
        "shop": "categorical",
        "postcode": "categorical",
        "sku": "left out",
        "vector": "features",
        "ragged": "left out",
        "sold": "left out",
        "nothing": "left out",
        "country": "left out",
    }
    assert found.notes == []
    sizes = {each.column: each.sizes for each in found.kinds}
    assert sizes["photo"] == {"side": 40} and sizes["title"] == {"length": 6}


def test_chinese_texts_are_no_identifiers(tmp_path):
    lines = [f"这本书很好看我喜欢{chr(0x4E00 + row)},{row % 2}" for row in range(ROWS)]
    (tmp_path / "rows.csv").write_text("\n".join(["review,kind", *lines]))
    assert kinds(infer_columns(tmp_path / "rows.csv", ["kind"])) == {"review": "text"}


def test_files_that_are_not_there_are_an_error(tmp_path):
    path = shop(tmp_path)
    with pytest.raises(ValueError, match=r"'photo' seems to hold paths of pictures.*--root"):
        infer_columns(path, ["kind"], root=tmp_path / "elsewhere")


def test_other_files_tell_the_same(tmp_path):
    pandas = pytest.importorskip("pandas", reason="the extra `report` is not installed")
    table = pandas.read_csv(shop(tmp_path))
    rows = json.loads(table.to_json(orient="records"))
    for row in rows:
        row["vector"] = json.loads(row["vector"])
        row["photo"] = [row["photo"], row["photo"]]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    expected = {**kinds(infer_columns(tmp_path / "rows.csv", ["kind"])), "postcode": "numeric"}
    assert kinds(infer_columns(tmp_path / "rows.jsonl", ["kind"])) == expected
    pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    pandas.DataFrame(rows).to_parquet(tmp_path / "rows.parquet")
    assert kinds(infer_columns(tmp_path / "rows.parquet", ["kind"])) == expected


def test_what_is_suspicious_is_said(tmp_path):
    path = shop(
        tmp_path,
        result=lambda row: {"shoe": "7", "hat": "9"}["shoe" if row % 3 else "hat"],
        size=lambda row: row * 7 % 61,
        colour=lambda row: ["Red", "red ", "blue", "gray"][row % 4],
        remark=lambda row: f"this is the remark of row number {row}",
    )
    (note,) = infer_columns(path, ["kind"]).notes
    assert note.startswith("The column 'result' alone says what the label 'kind' is")
    assert any("--regression" in note for note in infer_columns(path, ["size"]).notes)
    assert any("--head words" in note for note in infer_columns(path, ["remark"]).notes)
    assert any("'Red', 'red '" in note for note in infer_columns(path, ["colour"]).notes)


@pytest.mark.parametrize(
    "content, label, message",
    [
        ("kind\na\nb\n", "kind", "no column that a model could read beside the label"),
        ("x,kind\n1,a\n1,b\n", "kind", "'x': every cell is '1'"),
        ("x,kind\n1,a\n2,b\n", "sort", "no column 'sort'"),
        ("x,x,kind\n1,2,a\n", "kind", "2 columns called 'x'"),
        ("x,kind\n", "kind", "no rows"),
    ],
)
def test_files_of_which_nothing_can_be_read(tmp_path, content, label, message):
    (tmp_path / "rows.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        infer_columns(tmp_path / "rows.csv", [label])


def test_a_file_without_rows(tmp_path):
    (tmp_path / "rows.jsonl").write_text("")
    with pytest.raises(ValueError, match="has no rows"):
        infer_columns(tmp_path / "rows.jsonl", ["kind"])


def test_names_in_brackets_are_printed_as_they_are(tmp_path, capsys):
    lines = [f"{n / 2},{n / 4},{'ab'[n % 2]}" for n in range(30)]
    (tmp_path / "rows.csv").write_text("\n".join(["mass [kg],[/b],kind", *lines]))
    print_inferred(infer_columns(tmp_path / "rows.csv", ["kind"]))
    printed = capsys.readouterr().out
    assert "mass [kg]" in printed and "[/b]" in printed


def test_folders_and_conll_are_not_guessed(tmp_path):
    (tmp_path / "rows.conll").write_text("a O\n")
    for path in (tmp_path, tmp_path / "rows.conll"):
        with pytest.raises(ValueError, match="Give at least one column"):
            infer_columns(path)


@pytest.mark.end_to_end
def test_a_file_and_its_label_are_enough(tmp_path, monkeypatch, capsys):
    """`mmzoo train rows.csv --label kind`, and the model predicts from the same file."""
    pandas = pytest.importorskip("pandas", reason="the extra `report` is not installed")
    path = shop(tmp_path)
    table = pandas.read_csv(path, dtype=str, keep_default_na=False)
    table.drop(columns="voice").to_csv(path, index=False)  # these are no sounds but their heads
    monkeypatch.chdir(tmp_path)
    assert mmzoo("train", "rows.csv", "--label", "kind", "--epochs", 1, "--dim", 8) == 0
    printed = capsys.readouterr().out
    assert "an identifier" in printed and "pictures (PNG)" in printed
    assert mmzoo("predict", "run", "--csv", "rows.csv", "--output", "answers.csv") == 0
    assert len((tmp_path / "answers.csv").read_text().splitlines()) == ROWS + 1
    assert mmzoo("train", "--label", "kind") != 0
    assert "mmzoo train rows.csv" in capsys.readouterr().err
