"""The page to try a model: what it reads, what it shows, and what it says of what it can't read.

Without a browser; `tests/browser/test_demo_page.py` opens it in one.
"""

import dataclasses
import io
import json
import socket
import sys
import urllib.request

import keras
import numpy as np
import PIL.Image
import pytest

import mmzoo
from mmzoo.commands.trained_run import TrainedRun
from mmzoo.data import Records, from_arrays
from mmzoo.raw.absent import is_absent
from tests import parts
from tests.pipeline.raw import encoded, picture, raw_columns, sound
from tests.pipeline.test_cli import mmzoo as command

gr = pytest.importorskip("gradio", reason='no Gradio: pip install "mmzoo[demo-page]"')

from mmzoo.demo_page.answers import ANSWERS, answer_of  # noqa: E402
from mmzoo.demo_page.inputs import INPUTS, FileInput, StringInput, input_of  # noqa: E402
from mmzoo.demo_page.page import ROW, Page, label_texts  # noqa: E402
from mmzoo.demo_page.places import marked_box, marked_classes  # noqa: E402


def page_of(inputs, head, examples=None, fusion="concat"):
    """A page of an untrained model."""
    model = mmzoo.build_model(inputs=inputs, head=head, dim=8, fusion=fusion, compile=False)
    return Page(model, mmzoo.Preprocessor(inputs, head=head), examples)


def input_part(*arguments):
    """The components for an input, on a page of their own."""
    with gr.Blocks(analytics_enabled=False):
        return input_of(gr, *arguments)


def answer_part(*arguments):
    """The components for an answer, on a page of their own."""
    with gr.Blocks(analytics_enabled=False):
        return answer_of(gr, *arguments)


def sent(part, held):
    """What the browser sends for what the components of an input hold."""
    values = []
    for component, value in zip(part.components, held, strict=True):
        payload = component.postprocess(value)
        values.append(payload.model_dump() if hasattr(payload, "model_dump") else payload)
    return values


VALUES = {
    "image": [picture("red"), np.full((9, 7), 90.0)],
    "text": ["is it red?", b"it is"],
    "audio": [sound(), np.sin(np.arange(300, dtype="float32"))],
    "tabular": [
        {"price": "1.50", "weight": 0.1, "color": "red", "shape": "star"},
        {"price": None, "weight": float("nan"), "color": "", "shape": "circle"},
    ],
    "features": [np.linspace(-1, 1 / 3, 6, dtype="float32").reshape(2, 3), "[[0.5, 1, 2]]"],
    "video": [[picture("red"), picture("blue")], np.full((2, 8, 8, 3), 9, "uint8")],
}


@pytest.mark.parametrize("kind", [*mmzoo.modalities.MODALITIES])
def test_what_components_hold_is_read_as_the_value_is(kind):
    """Of every modality, as the browser sends it back."""
    modality = parts.MODALITIES[kind](optional=True)
    preprocessor = mmzoo.Preprocessor({kind: modality})
    part = input_part(kind, modality, preprocessor.preprocessings[kind])
    assert part.components and all("(optional)" in part.label for _ in part.components)
    values = VALUES[kind]
    held = [part.raw(*sent(part, part.held(value))) for value in values]

    def read(values):
        (batch,) = from_arrays({kind: values}).to_dataset(preprocessor, 2)
        return batch

    again = read(held)
    for row, value in enumerate(values):
        for name, expected in read([value]).items():
            np.testing.assert_array_equal(again[name][row], expected[0])
    assert is_absent(part.raw(*sent(part, part.held(None))))
    at_first = [component.value for component in part.components]
    assert is_absent(part.raw(*at_first))


def test_every_modality_and_every_target_has_components_of_its_own():
    assert {*INPUTS} == {*mmzoo.modalities.MODALITIES.values()}
    for target in mmzoo.targets.TARGETS.values():
        assert {*target.__mro__} & {*ANSWERS}, target


def test_paths_of_examples_start_from_their_root(tmp_path):
    (tmp_path / "red.png").write_bytes(picture("red"))
    part = input_part("image", parts.image(), None)
    (path,) = part.held("red.png", tmp_path)
    assert path.endswith("red.png") and part.raw(path) == picture("red")


def test_segments_have_a_box_each():
    part = input_part("text", parts.text(segments=2), None)
    assert [component.label for component in part.components] == ["text, part 1", "text, part 2"]
    assert part.held("red?[SEP]it is[SEP]blue") == ["red?", "it is[SEP]blue"]
    assert part.held(["red?"]) == ["red?", ""]
    assert part.raw("red?", "") == ["red?", ""] and part.raw("", None) is None


@dataclasses.dataclass(frozen=True)
class Scent(mmzoo.Modality):
    encoder: str = "linear"
    optional: bool = False


@dataclasses.dataclass(frozen=True)
class Spoken(Scent):
    strings_are_paths = False


def test_modalities_and_targets_from_outside_have_something():
    assert isinstance(input_part("scent", Scent(), None), FileInput)
    assert isinstance(input_part("spoken", Spoken(), None), StringInput)

    class Rank(mmzoo.targets.Target):
        def columns(self, prediction, delimiter="|"):
            return {"rank": [int(x[0]) for x in prediction], "tie": [None] * len(prediction)}

    part = answer_part("rank", Rank())
    assert part.shown(np.array([3.0]), {}) == ["rank: 3\ntie: "]
    assert not part.can_be_explained


# --- Answers ---


def softmax_page():
    return page_of(**parts.head_inputs("softmax"))


def page_of_all_heads():
    """Each answers, in one model."""
    inputs = {
        "image": parts.image(),
        "text": parts.text(words="spaces"),
        "audio": parts.audio(parts.tiny("gru", mmzoo.encoders.AudioGRU)),
    }
    heads = {f"a_{name}": parts.head_inputs(name)["head"] for name in mmzoo.heads.names()}
    assert {*map(type, heads.values())} == {*mmzoo.heads.HEADS.values()}
    return page_of(inputs, heads, fusion=parts.tiny("cross_attention", mmzoo.fusion.CrossAttention))


@pytest.mark.parametrize(
    "make", [softmax_page, pytest.param(page_of_all_heads, marks=pytest.mark.end_to_end)]
)
def test_button_answers_as_predict_does(make):
    """And what is shown are values that the components take."""
    page = make()
    row = {name: raw_columns(1)[0][name][0] for name in page.preprocessor.inputs}
    expected = mmzoo.predict(page.model, page.preprocessor, [row])
    expected = expected if isinstance(expected, dict) else {"head": expected}
    values = [each for part in page.inputs for each in sent(part, part.held(row[part.name]))]
    found = page.answer(page.row(values))
    assert {*found} == {*expected} == {*page.answers}
    for name, of_rows in expected.items():
        if isinstance(of_rows, np.ndarray):
            np.testing.assert_allclose(found[name], of_rows[0], rtol=1e-4, atol=1e-5)
        else:
            assert found[name] == of_rows[0], name
    components = [each for part in page.answers.values() for each in part.components]
    message, *shown = page.respond(*values, False, False)
    shown, bars = shown[: len(components)], shown[len(components) :]
    assert message["visible"] is False and not any(each["visible"] for each in bars)
    for component, value in zip(components, shown, strict=True):
        assert component.postprocess(value) is not None


def shown(target, answer, **row):
    """What the components for an answer show."""
    return answer_part("head", target).shown(answer, row)


def test_classes():
    targets = mmzoo.targets
    answer, scores = shown(targets.OneClass(["cat", "dog"]), np.array([0.25, 0.75], "float32"))
    assert answer == "dog" and scores == {"cat": 0.25, "dog": 0.75}
    yes = targets.YesNo(["no", "yes"], thresholds=[0.2])
    assert shown(yes, np.array([0.25], "float32")) == ["yes", {"no": 0.75, "yes": 0.25}]
    several = targets.SeveralClasses(["a", "b", "c"])
    assert shown(several, np.array([0.9, 0.1, 0.6], "float32"))[0] == "a, c"
    assert shown(several, np.array([0.1, 0.1, 0.1], "float32"))[0] == "none of them"
    unnamed = targets.OneClass(units=2)
    assert shown(unnamed, np.array([0.25, 0.75], "float32"))[0] == "1"
    sets = targets.OneClass(["a", "b", "c"])
    sets.calibration = {"label_sets": {"alpha": 0.1, "least_probability": 0.3}}
    answer, _ = shown(sets, np.array([0.4, 0.5, 0.1], "float32"))
    assert answer == "b\none of these in 0.9 of rows: b, a"
    sets.calibration = {"abstaining": {"threshold": 0.6}}
    answer, _ = shown(sets, np.array([0.4, 0.5, 0.1], "float32"))
    assert answer == "(not sure; the likeliest is b)"


def test_numbers_and_texts():
    targets = mmzoo.targets
    assert shown(targets.Numbers(1), np.array([19.9], "float32")) == ["19.9"]
    assert shown(targets.Values(2), np.array([1, 2.5])) == ["value_0: 1\nvalue_1: 2.5"]
    sure = targets.Numbers(1)
    sure.calibration = {"intervals": {"alpha": 0.1, "half_width": 2.0}}
    answer = "19.5, between 17.5 and 21.5 in 0.9 of rows"
    assert shown(sure, np.array([19.5], "float32")) == [answer]
    assert shown(targets.TextTarget(), "a red dot") == ["a red dot"]
    assert shown(targets.TranscribedText(), None) == ["(there is nothing to read)"]


def test_tags_stand_where_they_are_in_the_text():
    target = mmzoo.targets.TagsOfWords("text", "punctuation", ["B-place", "I-place", "O"])
    (value,) = shown(target, ["O", "B-place", "I-place"], text="to New York!")  # one was cut off
    assert [value["text"][e["start"] : e["end"]] for e in value["entities"]] == ["New York"]
    target = mmzoo.targets.TagsOfWords("text", "spaces", ["noun", "verb"])
    (value,) = shown(target, ["noun", "verb"], text=["Ann", "runs"])
    assert [(e["entity"], e["start"], e["end"]) for e in value["entities"]] == [
        ("noun", 0, 3), ("verb", 4, 8),
    ]  # fmt: skip
    assert shown(target, None, text=None) == [None]


def rotated(orientation, size=(40, 60)):
    """A picture that is white where its upper left quarter is stored, and turned by EXIF."""
    pixels = np.zeros((*size, 3), "uint8")
    pixels[: size[0] // 2, : size[1] // 2] = 255
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "PNG", exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_places_lie_where_they_are_however_the_picture_is_turned(orientation):
    content = rotated(orientation)
    classes = np.zeros((40, 60), int)
    classes[:20, :30] = 7
    for image, ((mask, label),) in (
        marked_box(content, [0, 0, 30, 20], "cat"),
        marked_classes(content, classes, {7: "cat", 8: "dog"}),
    ):
        white = np.asarray(image)[..., 0] > 128
        assert label == "cat" and mask.shape == white.shape
        np.testing.assert_array_equal(mask > 0, white)


def test_large_pictures_are_shown_smaller_and_boxes_stay_inside():
    image, ((mask, _),) = marked_box(encoded(np.zeros((1500, 3000))), [2999, 0, 3000, 1500], "x")
    assert image.size == (1024, 512) and mask.shape == (512, 1024)
    _, ((mask, _),) = marked_box(encoded(np.zeros((8, 8))), [8, 8, 8, 8], "x")
    assert mask[7, 7] == 1 and mask.sum() == 1


def test_mask_says_the_shares_and_absent_pictures_are_said():
    target = mmzoo.targets.MaskOfPicture("image", ["ground", "cat"], values=[0, 255])
    mask = np.zeros((10, 12), "uint8")
    mask[:5] = 255
    text, (_, marked) = shown(target, encoded(mask), image=picture("red"))
    assert text == "ground 50.0%, cat 50.0%" and [label for _, label in marked] == ["cat"]
    assert shown(target, None, image=None) == ["(there is no picture)", None]
    box = mmzoo.targets.BoxInPicture("image")
    assert shown(box, np.full(4, np.nan), image=None) == ["(there is no picture)", None]


# --- The page ---


@pytest.fixture(scope="module")
def page():
    """Of a picture and two optional inputs, with examples, of which one can't be read."""
    keras.utils.set_random_seed(0)
    inputs = {
        "image": parts.image(),
        "text": parts.text(optional=True),
        "tabular": parts.tabular(optional=True),
    }
    columns, labels = raw_columns(3)
    columns["image"][1] = b"broken"
    examples = from_arrays({name: columns[name] for name in inputs}, labels)
    head = mmzoo.heads.Softmax(class_names=["red", "green", "blue"])
    with pytest.warns(UserWarning, match="row 1: 'image' can't be read.* it is no example"):
        return page_of(inputs, head, examples)


def values_of(page, row):
    return [each for part in page.inputs for each in sent(part, part.held(row.get(part.name)))]


def test_what_cannot_be_read_is_said(page, tmp_path):
    def said(row):
        message, *others = page.respond(*values_of(page, row), True, True)
        assert message["visible"] and others[:2] == [None, None] and not others[2]["visible"]
        return message["value"]

    assert "&#x27;image&#x27; has no value, and is not optional." in said({})
    assert ROW not in said({})
    text = said({"image": picture("red")[:60]})
    assert (
        "can&#x27;t be read: " in text and "truncated" in text and "/" not in text.split("&#x")[1]
    )
    cells = {"price": "dear", "weight": 1, "color": None, "shape": None}
    text = said({"image": picture("red"), "tabular": cells})
    assert (
        "column &#x27;price&#x27; of &#x27;tabular&#x27;: &#x27;dear&#x27; is not a number" in text
    )
    (tmp_path / "empty.png").write_bytes(b"")
    message = page.respond(str(tmp_path / "empty.png"), "", "", "", None, None, False, False)[0]
    assert "the file is empty" in message["value"]


def test_optional_inputs_stay_empty(page):
    expected = mmzoo.predict(page.model, page.preprocessor, [{"image": picture("blue")}])[0]
    _, answer, scores, *_ = page.respond(*values_of(page, {"image": picture("blue")}), False, False)
    np.testing.assert_allclose([*scores.values()], expected, rtol=1e-4)
    assert answer == max(scores, key=scores.get)


def test_contributions_are_those_of_mmzoo(page):
    row = {"image": picture("red"), "text": "it is red", "tabular": None}
    assert len(page.rows) == 2
    found = page.contributions(row)["head"].predictions[0]
    expected = mmzoo.contributions(
        page.model, page.preprocessor, [row, *page.rows], verbose=False
    ).predictions[0]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    _, answer, _, bars, overlay = page.respond(*values_of(page, row), True, False)
    assert not overlay["visible"]
    place = page.answers["head"].target.class_names.index(answer)
    table = bars.value.data if hasattr(bars.value, "data") else bars.value["data"]
    shares = {name: share for name, share, _ in table}
    assert shares == pytest.approx(
        dict(zip(page.preprocessor.inputs, found[:, place], strict=True))
    )
    assert shares["tabular"] == pytest.approx(0, abs=1e-6)  # it was absent


def test_what_speaks_for_the_answer_is_drawn(page):
    row = {"image": picture("red"), "text": "it is red", "tabular": None}
    *_, bars, overlay = page.respond(*values_of(page, row), False, True)
    assert not bars["visible"] and overlay["visible"]
    found = mmzoo.attributions(page.model, page.preprocessor, [row], method="occlusion")
    expected = PIL.Image.open(io.BytesIO(found.png()))
    np.testing.assert_array_equal(np.asarray(overlay["value"]), np.asarray(expected))


def test_contributions_are_offered_where_there_can_be_some(page):
    def passes(inputs, head, rows=()):
        some = object.__new__(Page)
        some.preprocessor = mmzoo.Preprocessor(inputs)
        some.rows = rows
        some.answers = {"head": answer_part("head", head.target())}
        return some._passes()

    optional = {"image": parts.image(optional=True), "text": parts.text(optional=True)}
    softmax = mmzoo.heads.Softmax(3)
    assert passes(optional, softmax) == 4
    assert passes({"image": parts.image()}, softmax, [{}]) is None
    assert passes({**optional, "image": parts.image()}, softmax) is None
    assert passes({**optional, "image": parts.image()}, softmax, [{}]) == 16
    assert passes(optional, mmzoo.heads.Words(length=3)) is None
    assert page._passes() == 32


def test_page_calls_no_one(page):
    config = page.blocks.get_config_file()
    assert page.blocks.analytics_enabled is False and not config["analytics_enabled"]
    assert not any("http" in sheet for sheet in config["stylesheets"])
    assert isinstance(page.blocks, gr.Blocks)


def test_labels_of_examples_are_short_texts():
    columns = {"text": ["a", "b"]}
    several = Records(
        columns, {"kind": ["x", "y"], "price": [1.5, 2.0], "tags": [["a"], ["a", "b"]]}
    )
    assert label_texts(several) == {
        "label: kind": ["x", "y"], "label: price": ["1.5", "2"], "label: tags": ["a", "a, b"],
    }  # fmt: skip
    assert label_texts(Records(columns, np.zeros((2, 3)))) == {}
    assert label_texts(Records(columns)) == {}


def test_without_gradio_the_extra_is_named(page, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ImportError, match=r'pip install "mmzoo\[demo-page\]"'):
        mmzoo.demo(page.model, page.preprocessor)


# --- The command ---


def test_command_says_what_is_wrong(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert command("demo", tmp_path, "--port", port) == 1
    said = capsys.readouterr().err
    assert f"Nothing can listen at 127.0.0.1, port {port}: Address already in use." in said
    assert command("demo", tmp_path, "--port", port) == 1
    assert "is not a folder made by `mmzoo train`" in capsys.readouterr().err


@pytest.mark.end_to_end
def test_command_opens_the_page_of_a_run(tmp_path, monkeypatch):
    # Without `capsys`: uvicorn sets logging up anew, and absl then closes what it wrote to.
    lines = [f"a {('red', 'blue')[row % 2]} one,{'ab'[row % 2]}" for row in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(["title,kind", *lines]))
    run = tmp_path / "run"
    options = {"csv": tmp_path / "rows.csv", "label": "kind", "output": run, "text": "title"}
    options |= {"text-encoder": "bag", "fusion": "sum", "dim": 8, "epochs": 1}
    assert command("train", *(x for name, x in options.items() for x in (f"--{name}", x))) == 0
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    pages = []

    def visit(blocks):
        with urllib.request.urlopen(blocks.local_url) as answer:
            pages.append((blocks, answer.read().decode()))

    monkeypatch.setattr(gr.Blocks, "block_thread", visit)
    assert command("demo", run, "--port", port, "--examples", 3) == 0
    ((blocks, page),) = pages
    assert blocks.local_url == f"http://127.0.0.1:{port}/"
    assert "<title>run</title>" in page or '"title":"run"' in page
    (examples,) = [x for x in blocks.blocks.values() if isinstance(x, gr.Dataset)]
    assert len(examples.samples) == 3
    with pytest.raises(OSError):  # it is closed again
        urllib.request.urlopen(blocks.local_url)


@pytest.fixture
def run(tmp_path):
    """What a training of `rows.csv` leaves, but for the model."""
    lines = [f"{row},{'ab'[row % 2]}" for row in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(["title,kind", *lines, "none,"]))
    folder = tmp_path / "run"
    folder.mkdir()
    split = [f'"rows.csv, row {row}",{"test" if row > 30 else "train"}' for row in range(2, 42)]
    (folder / "split.csv").write_text("\n".join(["row,part", *split]))
    config = {"mmzoo": "1.0", "csv": "rows.csv", "encoding": None, "separator": None}
    lines = [f"{name}: {value if name == 'mmzoo' else json.dumps(value)}\n"
             for name, value in config.items()]  # fmt: skip
    (folder / "config.yaml").write_text("".join(lines))
    metadata = {"columns": {"text": "title"}, "label": "kind", "root": str(tmp_path)}
    head = mmzoo.heads.Softmax(class_names=["a", "b"])
    preprocessor = mmzoo.Preprocessor({"text": parts.text()}, head=head)
    return TrainedRun(None, preprocessor, metadata, str(folder))


def test_examples_are_test_rows_of_the_training(run, tmp_path, monkeypatch):
    expected = ["29", "34", "39"]
    monkeypatch.chdir(tmp_path)  # where it was trained
    assert run.example_records(3).column("text") == expected
    monkeypatch.chdir("/")  # anywhere
    assert run.example_records(3).column("text") == expected
    assert len(run.example_records(99)) == 11
    other = tmp_path / "other.csv"
    other.write_text("title,kind\nnew,a\nolder,b\n")
    assert run.example_records(5, str(other)).column("text") == ["new", "older"]


def test_examples_that_are_gone_are_said(run, tmp_path, capsys):
    (tmp_path / "rows.csv").write_text("title,kind\nx,a\ny,b\n")
    assert run.example_records(3) is None
    assert "no longer has the test rows" in capsys.readouterr().out
    (tmp_path / "rows.csv").unlink()
    assert run.example_records(3) is None
    assert "No examples: the rows of the training, rows.csv, are not" in capsys.readouterr().out
