"""Predictions of a file: streamed, kept in order with its bad rows, resumed to the byte."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pandas
import pytest

import mmzoo
from mmzoo.commands.predict_file import chosen_root, predict_file
from tests.parts import image, text
from tests.pipeline.raw import raw_columns

COLUMNS = {"image": "photo", "text": "title"}


@pytest.fixture
def pair():
    inputs = {"image": image(), "text": text("bag", optional=True)}
    head = mmzoo.heads.Softmax(class_names=["red", "green", "blue"])
    return mmzoo.build_model(inputs=inputs, head=head, dim=8), mmzoo.Preprocessor(inputs)


@pytest.fixture
def words():
    """A model of texts alone."""
    inputs = {"text": text("bag")}
    head = mmzoo.heads.Softmax(class_names=["red", "green", "blue"])
    return mmzoo.build_model(inputs=inputs, head=head, dim=8), mmzoo.Preprocessor(inputs)


@pytest.fixture
def csv(tmp_path):
    """Thirty rows, of which four are bad: no such file, junk, no path, a folder."""
    columns, _ = raw_columns(30)
    (tmp_path / "photos").mkdir()
    for row, value in enumerate(columns["image"]):
        (tmp_path / "photos" / f"{row:02}.png").write_bytes(b"junk" if row == 11 else value)
    table = pandas.DataFrame(
        {
            "id": [f"{row:03}" for row in range(30)],
            "photo": [f"photos/{row:02}.png" for row in range(30)],
            "title": columns["text"],
        }
    )
    table.loc[4, "photo"], table.loc[20, "photo"] = "nope.png", ""
    table.loc[29, "photo"] = "photos"
    table.loc[7, "title"] = 'of "red",\nof blue'
    table.to_csv(tmp_path / "rows.csv", index=False)
    return tmp_path / "rows.csv"


@pytest.mark.end_to_end
def test_rows_keep_their_order_and_bad_ones_say_why(pair, csv, tmp_path):
    roots = [str(tmp_path / "nowhere"), str(tmp_path)]
    output = tmp_path / "out.csv"
    result = predict_file(*pair, csv, output, COLUMNS, roots, batch_size=4, part_rows=16)
    assert result.reasons == {
        "'image': no such file": 2, "'image' can't be read": 1,
        "'image' has no value, and is not optional": 1,
    }  # fmt: skip
    assert (result.rows, result.bad, result.resumed) == (30, 4, 0)
    written = pandas.read_csv(tmp_path / "out.csv", dtype={"id": str})
    rows = pandas.read_csv(csv, dtype=str, keep_default_na=False)
    assert written[list(rows)].fillna("").values.tolist() == rows.values.tolist()
    bad = [4, 11, 20, 29]
    messages = ["no such file: .*nope.png", "can't be read", "no value", "no such file"]
    assert np.flatnonzero(written["error"].notna()).tolist() == bad
    for row, message in zip(bad, messages, strict=True):
        assert re.match(f"row {row + 2}: 'image'.*{message}", written["error"][row])
    assert result.listed == written["error"][bad].tolist()
    assert written.loc[bad, ["predicted", "score"]].isna().all(axis=None)
    good = rows.drop(bad)
    expected = mmzoo.predict(
        *pair, {"image": [csv.parent / name for name in good["photo"]], "text": list(good["title"])}
    )
    names = np.array(["red", "green", "blue"])
    assert written["predicted"].drop(bad).tolist() == names[expected.argmax(axis=1)].tolist()
    np.testing.assert_allclose(written["score"].drop(bad), expected.max(axis=1), atol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "photos", "rows.csv"]


def test_not_one_row_is_an_error_that_says_why(words, tmp_path):
    (tmp_path / "rows.csv").write_text('title,id\n"",1\n"",2\n')
    arguments = tmp_path / "rows.csv", tmp_path / "out.csv", {"text": "title"}
    with pytest.raises(ValueError, match=r"Not one of the 2 rows.*has no value.*\(2 rows\)"):
        predict_file(*words, *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_paths_start_where_the_files_are(csv, tmp_path):
    inputs = {"image": image(), "text": text("bag", optional=True)}
    records = mmzoo.data.from_csv(csv, COLUMNS)
    elsewhere = str(tmp_path / "nowhere")
    assert chosen_root(records, inputs, [elsewhere, str(tmp_path)]) == str(tmp_path)
    assert chosen_root(records, inputs, [elsewhere, None]) == elsewhere  # none has one
    assert chosen_root(records, inputs, elsewhere) == elsewhere


def test_other_endings_have_the_same_rows(words, csv, tmp_path):
    pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    for ending in ("csv", "tsv", "parquet"):
        output = tmp_path / f"out.{ending}"
        predict_file(*words, csv, output, {"text": "title"}, batch_size=4, part_rows=8)
    rows = pandas.read_csv(tmp_path / "out.csv", dtype={"id": str})
    pandas.testing.assert_frame_equal(
        rows, pandas.read_csv(tmp_path / "out.tsv", sep="\t", dtype={"id": str})
    )
    stored = pandas.read_parquet(tmp_path / "out.parquet")
    assert stored["score"].dtype == "float32" and stored["error"].isna().all()
    np.testing.assert_allclose(stored["score"], rows["score"], rtol=1e-6)
    same = ["id", "title", "predicted"]
    assert stored[same].values.tolist() == rows[same].values.tolist()


@pytest.mark.slow
def test_a_folder_of_pictures(pair, csv, tmp_path):
    folder = csv.parent / "photos"
    (folder / "more").mkdir()
    (folder / "00.png").rename(folder / "more" / "00.png")
    (folder / ".hidden").touch()
    result = predict_file(*pair, folder, tmp_path / "out.csv", part_rows=16)
    written = pandas.read_csv(tmp_path / "out.csv")
    names = [f"{row:02}.png" for row in range(1, 30)] + [os.path.join("more", "00.png")]
    assert written["file"].tolist() == names
    (message,) = result.listed
    assert message.startswith("11.png: 'image' can't be read (11.png): ")
    expected = mmzoo.predict(*pair, {"image": [folder / "more" / "00.png"], "text": [""]})
    np.testing.assert_allclose(written["score"].iloc[-1], expected.max(), atol=1e-6)


def test_records(words, tmp_path):
    records = mmzoo.data.from_arrays({"text": ["red", None, "is it"]})
    result = predict_file(*words, records, tmp_path / "out.csv", part_rows=2)
    written = pandas.read_csv(tmp_path / "out.csv")
    assert written["row"].tolist() == ["row 0", "row 1", "row 2"]
    assert result.listed == ["row 1: 'text' has no value, and is not optional"]
    expected = mmzoo.predict(*words, {"text": ["red", "is it"]}).max(axis=1)
    np.testing.assert_allclose(written["score"][[0, 2]], expected, atol=1e-6)


JOB = """
import sys, time
import mmzoo, mmzoo.commands.predict_file as module
run, csv, output, wait = sys.argv[1:]
write = module.ResumableParts.write
def slow(self, number, content, note):
    write(self, number, content, note)
    time.sleep(float(wait))
module.ResumableParts.write = slow
columns = {"text": "title"}
result = module.predict_file(*mmzoo.load(run), csv, output, columns, batch_size=4, part_rows=8)
print(result.resumed)
"""


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_killed_run_goes_on_to_the_same_bytes(words, csv, tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    mmzoo.save(*words, tmp_path / "run")
    output, whole = tmp_path / f"out.{ending}", tmp_path / f"whole.{ending}"
    command = [sys.executable, "-c", JOB, tmp_path / "run", csv]
    run = subprocess.Popen([*command, output, "600"])  # ten minutes after each part
    part = pathlib.Path(f"{output}.parts", "000000")
    while not part.exists():
        assert run.poll() is None
        time.sleep(0.1)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert not output.exists()
    again = subprocess.run([*command, output, "0"], capture_output=True, text=True, check=True)
    assert again.stdout.strip() == "8"
    loaded = mmzoo.load(tmp_path / "run")
    predict_file(*loaded, csv, whole, {"text": "title"}, batch_size=4, part_rows=8)
    assert output.read_bytes() == whole.read_bytes()
    assert not part.parent.exists()


def test_parts_of_another_run_are_not_mixed_in(words, csv, tmp_path, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    arguments = csv, tmp_path / "out.csv", {"text": "title"}
    with monkeypatch.context() as patch:
        patch.setattr("mmzoo.utils.resumable_parts.ResumableParts.finish", stop)
        with pytest.raises(KeyboardInterrupt):
            predict_file(*words, *arguments)
    with pytest.raises(FileExistsError, match="differs in batch_size"):
        predict_file(*words, *arguments, batch_size=3)
    csv.write_text(csv.read_text() + "030,photos/01.png,a\n")
    with pytest.raises(FileExistsError, match="differs in source"):
        predict_file(*words, *arguments)
    model, preprocessor = words
    weights = model.get_weights()
    model.set_weights([weights[0] + 1, *weights[1:]])
    with pytest.raises(FileExistsError, match="differs in source, model"):
        predict_file(model, preprocessor, *arguments)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"source": "nowhere.csv"}, FileNotFoundError, "No such file or folder: nowhere.csv"),
        ({"output": "out.xlsx"}, ValueError, r"out.xlsx must end in .csv, .tsv or .parquet"),
        ({"columns": {"image": "picture", "text": "title"}}, ValueError, "no column 'picture'"),
        ({"content": "photo,title,error\na,b,c\n"}, ValueError, r"overwritten: \['error'\]"),
        ({"content": "photo,title\n"}, ValueError, "has no rows"),
        ({"content": ""}, ValueError, "is empty"),
        ({"content": "photo,title\na,b,c\n"}, ValueError, "can't be read as CSV"),
    ],
)
def test_mistakes_leave_nothing(pair, csv, tmp_path, monkeypatch, change, error, message):
    monkeypatch.chdir(tmp_path)
    if "content" in change:
        csv.write_text(change.pop("content"))
    arguments = {"source": "rows.csv", "output": "out.csv", "columns": COLUMNS, **change}
    with pytest.raises(error, match=message):
        predict_file(*pair, **arguments)
    assert {path.name for path in tmp_path.iterdir()} == {"rows.csv", "photos"}


def test_a_folder_will_not_do_for_a_model_that_needs_more(csv, tmp_path):
    inputs = {"image": image(), "text": text("bag")}
    model = mmzoo.build_model(inputs=inputs, head="sigmoid", dim=8)
    with pytest.raises(ValueError, match="needs image, text"):
        predict_file(model, mmzoo.Preprocessor(inputs), csv.parent, tmp_path / "out.csv")
