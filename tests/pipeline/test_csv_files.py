"""CSV, TSV and JSON-lines files: compressed, in other encodings, separated otherwise."""

import bz2
import copy
import gzip
import io
import lzma
import pickle
import zipfile

import numpy as np
import pandas
import pyarrow
import pytest
import tensorflow as tf

import mmzoo
from mmzoo.commands.predict_file import predict_file
from mmzoo.data import from_csv, from_directory, from_file, from_jsonl

COLUMNS = {"text": "title", "item": ["price"]}
CSV = 'title,price,kind\na café,1.5,x\n\n"two\nlines",2,y\n'
TITLES = ["a café", "two\nlines"]
INPUTS = {
    "text": mmzoo.Text(length=4, vocabulary_size=10, encoder="bag"),
    "item": mmzoo.Tabular(numeric=["price"]),
}


def zipped(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("rows.csv", content)
    return file.getvalue()


COMPRESSIONS = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zip": zipped,
    ".zst": lambda content: pyarrow.compress(content, codec="zstd", asbytes=True),
}


@pytest.fixture(scope="module")
def pair():
    records = mmzoo.data.from_arrays(
        {"text": TITLES, "item": {"price": [1.5, 2]}}, labels=["x", "y"]
    )
    preprocessor = mmzoo.Preprocessor(INPUTS)
    preprocessor.adapt(records)
    head = mmzoo.heads.Softmax(class_names=["x", "y"])
    return mmzoo.build_model(inputs=INPUTS, head=head, fusion="sum", dim=4), preprocessor


@pytest.mark.parametrize("ending", COMPRESSIONS)
@pytest.mark.parametrize("kind", [".csv", ".TSV", ".ndjson"])
def test_one_reader_for_all(pair, kind, ending, tmp_path):
    """What `predict` reads, `train`, `evaluate` and `check` read alike."""
    content = CSV
    if kind == ".TSV":
        content = CSV.replace(",", "\t")
    elif kind == ".ndjson":
        content = '{"title": "a café", "price": 1.5, "kind": "x"}\n\n'
        content += '{"title": "two\\nlines", "price": 2, "kind": "y"}\n'
    path = tmp_path / f"rows{kind}{ending.upper() if kind == '.TSV' else ending}"
    path.write_bytes(COMPRESSIONS[ending](content.encode()))
    records = from_file(path, COLUMNS, "kind")
    assert records.column("text") == TITLES and records.labels == ["x", "y"]
    assert [float(row["price"]) for row in records.column("item")] == [1.5, 2]
    source = path if kind != ".ndjson" else records
    if ending in ("", ".gz", ".zst"):
        output = tmp_path / "out.csv"
        result = predict_file(*pair, source, output, COLUMNS, part_rows=1, verbose=False)
        assert (result.rows, result.bad) == (2, 0)
        if kind != ".ndjson":
            assert pandas.read_csv(output)["title"].tolist() == TITLES
    url = f"ram://csv_files/{path.name}"
    with tf.io.gfile.GFile(url, "wb") as file:
        file.write(path.read_bytes())
    assert from_file(url, COLUMNS, "kind").column("text") == TITLES


def test_metadata_may_be_compressed(tmp_path):
    (tmp_path / "1.png").touch()
    (tmp_path / "Metadata.CSV.gz").write_bytes(gzip.compress(b"file_name,kind\n1.png,x\n"))
    records = from_directory(tmp_path, label="kind", class_names=["x", "y"])
    assert records.column("image") == ["1.png"]


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zst", ".zip"])
def test_half_a_compressed_file(ending, tmp_path):
    path = tmp_path / f"rows.csv{ending}"
    lines = "".join(f"{i},{i * 7919 % 1000},x\n" for i in range(20_000))
    path.write_bytes(COMPRESSIONS[ending](f"title,price,kind\n{lines}".encode())[:-2000])
    with pytest.raises(ValueError, match=r"rows\.csv\.\w+ can't be uncompressed"):
        from_csv(path, COLUMNS)


def test_a_workbook_is_no_csv(tmp_path):
    with zipfile.ZipFile(tmp_path / "rows.csv", "w") as archive:
        archive.writestr("[Content_Types].xml", "")
    with pytest.raises(ValueError, match=r"is a workbook of Excel\. Save its sheet"):
        from_csv(tmp_path / "rows.csv", COLUMNS)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "latin-1"])
def test_encodings(pair, encoding, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(CSV.encode(encoding))
    lines = tmp_path / "rows.jsonl"
    lines.write_bytes('{"title": "a café"}\n{"title": "b"}\n'.encode(encoding))
    assert from_file(path, COLUMNS, encoding=encoding).column("text") == TITLES
    assert from_jsonl(lines, {"text": "title"}, encoding=encoding).column("text")[0] == "a café"
    output = tmp_path / "out.csv"
    predict_file(*pair, path, output, COLUMNS, encoding=encoding, verbose=False)
    assert pandas.read_csv(output)["title"].tolist() == TITLES


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            CSV.encode("cp1252"),
            r"rows\.csv, row 2, column 'title': byte 0xe9 in b'a caf\\xe9' is not UTF-8. In Windows"
            r"-1252 it would read 'a café': encoding='cp1252' \(on the command line --encoding",
        ),
        (
            b"title,price\n" + b"a,1\n" * 100_000 + b"b,2\xa0\n",
            "row 100002, column 'price': byte 0xa0 in b'2.xa0' is not UTF-8",
        ),
        (CSV.encode("utf-16"), r"row 1: this is UTF-16, by its first bytes.*encoding='utf-16'"),
        (CSV.encode("utf-16-be"), "row 1: this is UTF-16, .*encoding='utf-16-be'"),
        (
            b"preis;title\n1,5;a\n2;b\n",
            r"no column 'title'.* separated by ';', not ',': separator=';' \(on the command line",
        ),
        (b'[{"title": "a"}]', "It looks like JSON: .* must end in .jsonl"),
        (b"title\tprice\na\t1\n", "seems to be separated by '.t'"),
        (b"title,price\na,1,2\n", "rows.csv can't be read as CSV"),
        (b"title,price,title\na,1,b\n", "has 2 columns called 'title'. Rename them"),
        (b"", "rows.csv is empty"),
        (b"title,price\n", "no rows below its header"),
    ],
)
def test_files_that_are_not_as_they_should_be(pair, content, message, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        from_csv(path, COLUMNS)
    if len(content) < 1000 and "below its header" not in message:
        with pytest.raises(ValueError, match=message):
            predict_file(*pair, path, tmp_path / "out.csv", COLUMNS, verbose=False)


def test_a_mark_before_utf8_is_no_text(tmp_path):
    for encoding in (None, "utf-8", "UTF-8-sig"):
        (tmp_path / "rows.csv").write_text(CSV, encoding="utf-8-sig")
        assert from_csv(tmp_path / "rows.csv", COLUMNS, encoding=encoding).column("text") == TITLES
        (tmp_path / "rows.jsonl").write_text('{"title": "a"}', encoding="utf-8-sig")
        records = from_jsonl(tmp_path / "rows.jsonl", {"text": "title"}, encoding=encoding)
        assert records.column("text") == ["a"]


def test_separators_and_what_does_not_apply(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("title;price\na;1\n")
    assert from_file(path, COLUMNS, separator=";").column("text") == ["a"]
    with pytest.raises(ValueError, match="Unknown encoding: 'utf-99'"):
        from_csv(path, COLUMNS, encoding="utf-99")
    pandas.DataFrame({"title": ["a"]}).to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(ValueError, match="is no CSV: encoding= does not apply"):
        from_file(tmp_path / "rows.parquet", {"text": "title"}, encoding="cp1252")


def test_lines_and_side_cars_in_another_encoding(tmp_path):
    (tmp_path / "rows.jsonl").write_bytes(b'{"title": "a"}\n{"title": "caf\xe9"}\n')
    with pytest.raises(ValueError, match=r"rows\.jsonl, line 2: byte 0xe9 .* encoding='cp1252'"):
        from_jsonl(tmp_path / "rows.jsonl", {"text": "title"})
    (tmp_path / "rows.jsonl").write_bytes('{"title": "a"}\n'.encode("utf-16"))
    with pytest.raises(ValueError, match=r"rows\.jsonl, line 1: this is UTF-16, by its first"):
        from_jsonl(tmp_path / "rows.jsonl", {"text": "title"})
    (tmp_path / "rows.jsonl").write_text('{"title": "a", "title": "b"}\n')
    with pytest.raises(ValueError, match=r"line 1 can't be read as JSON: the key 'title' is there"):
        from_jsonl(tmp_path / "rows.jsonl", {"text": "title"})
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "1.txt").write_bytes(b"caf\xe9")
    with pytest.raises(ValueError, match=r"1\.txt can't be read: byte 0xe9 .* encoding='cp1252'"):
        from_directory(tmp_path, {"text": ".txt"}, label=None)
    read = from_directory(tmp_path, {"text": ".txt"}, label=None, encoding="cp1252")
    assert read.column("text") == ["café"]


def test_a_path_that_ends_in_a_space_is_quoted(tmp_path):
    (tmp_path / "1.png").touch()
    records = mmzoo.data.from_arrays({"image": ["1.png "]}, root=str(tmp_path))
    message = r"no such file: '.*1\.png ', though there is one without the space"
    with pytest.raises(FileNotFoundError, match=message):
        records.check({"image": mmzoo.Image(size=(4, 4))})
    with pytest.raises(FileNotFoundError, match=r"No such file: 'rows\.csv '$"):
        from_csv("rows.csv ", COLUMNS)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_preprocessors_and_records_are_pickled_and_copied(pair, copied, tmp_path):
    """As Ray, joblib and multiprocessing do with them."""
    (tmp_path / "rows.csv").write_text(CSV)
    records = from_csv(tmp_path / "rows.csv", COLUMNS, "kind").take([1, 0])
    _, preprocessor = pair
    expected = next(iter(records.to_dataset(preprocessor)))  # its tables are made
    again, rows = copied(preprocessor), copied(records)
    assert again.inputs == preprocessor.inputs and again.class_names == ["x", "y"]
    found = next(iter(rows.to_dataset(again)))
    tf.nest.map_structure(np.testing.assert_array_equal, found, expected)
    assert rows.describe(0) == records.describe(0) == f"{tmp_path}/rows.csv, row 3"
    again.adapt(mmzoo.data.from_arrays({"text": ["x"], "item": {"price": [7]}}))
    assert preprocessor.preprocessings["item"].statistics["price"][0] == 1.75  # a copy, not a view
