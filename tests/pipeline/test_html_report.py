"""The report as one HTML file: whole, safe, small. Clicks are in `tests/browser`."""

import copy
import gc
import json
import pickle
import re

import numpy as np
import PIL.Image
import pytest

import mmzoo
from mmzoo.commands.run_page import write_run_page
from mmzoo.evaluation import Report
from mmzoo.evaluation.html import charts
from mmzoo.evaluation.html.live_thresholds import live_thresholds
from mmzoo.evaluation.html.shown_values import shown_value
from mmzoo.raw.wav_bytes import wav_bytes
from mmzoo.targets import (
    BoxInPicture,
    MaskOfPicture,
    OneClass,
    SeveralClasses,
    TagsOfWords,
    TextTarget,
    TranscribedText,
    Values,
    YesNo,
)  # fmt: skip
from tests.pipeline import pages
from tests.pipeline.pages import Page, columns_of, hostile_classes, inputs_of, judged
from tests.pipeline.raw import encoded, picture


@pytest.fixture(scope="module")
def made():
    """A model, its preprocessor, hostile rows, and its report on them."""
    return hostile_classes()


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    model, _, records, report = made
    path = tmp_path_factory.mktemp("page") / "new" / "report.html"
    report.to_html(path, title="<em>Birds</em>", **pages.all_else(records))
    assert model is not None  # kept in memory until here
    return Page(path)


def test_every_section_is_there(page):
    assert page.sections() == [
        "answer-1", "contributions", "robustness", "slices", "rows", "training", "data", "model",
    ]  # fmt: skip
    linked = [a["href"][1:] for a in page.all("a") if a["href"] != "#main"]
    assert {*page.sections()} <= {*linked}
    assert page.open == [] and len(page.source.encode()) < 1_000_000
    for said in ("accuracy", "Confusion matrix", "Thresholds", "Calibration", "where it looked"):
        assert said in page.text
    assert "100 % of rows 0.5000" in page.text and page.text.count("worse") >= 4
    assert "<i>cat</i> 0.2000" in page.text and "1 slices with fewer than 20 rows" in page.text
    assert "training rows" in page.text and "epochs" in page.text and "Softmax" in page.text


def test_nothing_is_loaded(page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), f"<{tag} {name}={value[:50]!r}>"
        assert tag not in ("link", "iframe", "object", "embed", "base")
    assert not re.search(r"url\(|@import|fetch\(|import\(|XMLHttp", " ".join(page.scripts))
    (policy,) = (m for m in page.all("meta") if m.get("http-equiv"))
    assert "default-src 'none'" in policy["content"]


def test_hostile_texts_stay_texts(page):
    assert len(page.all("script")) == 2 and {} not in page.all("b")
    assert not [t for t, a in page.elements if any(name.startswith("on") for name in a)]
    assert not page.all("em") and "<em>Birds</em>" in page.text
    assert "<b>bird</b>" in page.text
    for text in pages.HOSTILE[:4]:
        assert " ".join(text.split()) in page.text
    assert "the first 4,000 of 100,000 characters" in page.text
    assert page.source.count("x" * 4_000) == 0 and page.source.count("x" * 400) > 0


def test_what_cant_be_read_is_shown_as_such(page):
    assert {"row-3", "row-9"} <= {card["id"] for card in page.all("article")}
    assert page.text.count("could not be read") == 2
    assert "absent" in page.text  # the empty text


def test_page_can_be_used_without_a_mouse_or_eyes(page):
    assert page.all("html") == [{"lang": "en"}]
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len({*ids})
    labelled = {a.get("for") for a in page.all("label")}
    for field in page.all("input"):
        assert field.get("aria-label") or field.get("id") in labelled | {"search"}
    for figure in page.all("svg"):
        assert figure["role"] == "img" and figure["aria-label"]
    assert all(image["alt"] for image in page.all("img"))
    assert all(a.get("scope") for a in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and max(np.diff(levels)) <= 1
    regions = [a for _, a in page.elements if a.get("class") == "scroll"]
    assert regions and all(a["tabindex"] == "0" and a["aria-label"] for a in regions)


def test_cells_know_their_rows(page, made):
    report = made[-1]
    shown = [key for card in page.all("article") for key in json.loads(card["data-keys"])]
    pressed = {a["data-key"]: a["aria-label"] for a in page.all("button") if "data-key" in a}
    assert pressed.keys() == {*shown}
    for row, column in np.ndindex(3, 3):
        count = report.confusion_matrix[row][column]
        key = f"head:{row}>{column}"
        assert shown.count(key) <= count
        if key in pressed:
            assert f": {count} rows. Show them." in pressed[key]
    # All rows fit; two, which can't be read, have an answer without their picture alone.
    assert len(shown) == report.rows - 2


def test_file_stays_below_its_limit(made, tmp_path):
    report = made[-1]
    path = tmp_path / "report.html"
    report.to_html(path, most_bytes=120_000)
    page = Page(path)
    assert path.stat().st_size <= 120_000
    assert 0 < len(page.all("article")) < 42
    assert re.search(r"\d+ more were chosen, but would make this file too large", page.text)


def test_rows_are_explained(tmp_path):
    rows = {"text": ["a b", "b", "", "a"]}
    model, _, _, report = judged(inputs_of("text"), rows, [1.0, 2.0, 2.0, 1.0], "regression")
    path = tmp_path / "report.html"
    report.to_html(path, explain="occlusion")
    assert model is not None and Page(path).text.count("What speaks for the answer (occl") == 4
    with pytest.raises(ValueError, match="one of integrated_gradients"):
        report.to_html(path, explain="a guess")


def test_report_knows_its_rows_and_keeps_no_model(tmp_path):
    model, _, records, report = judged(
        inputs_of("text"), {"text": ["a", "b"] * 4}, [1.0, 2.0] * 4, "regression"
    )
    assert report.evaluated.records is records and report.evaluated.model is model
    for other in (copy.deepcopy(report), pickle.loads(pickle.dumps(report))):
        assert other.evaluated is None and other.to_dict() == report.to_dict()
    path = tmp_path / "report.html"
    report.to_html(path)
    page = Page(path)
    assert "rows" in page.sections() and "Predictions by labels" in page.text
    dots = [a for a in page.all("circle") if a["class"] == "shown"]
    assert len(dots) == len(page.all("article")) == 8
    del model, page
    gc.collect()
    if report.evaluated.model is None:  # nothing else has it
        report.to_html(path)
        assert Page(path).sections() == ["answer-1"]


@pytest.mark.parametrize(
    "report",
    [
        Report(task="regression", rows=0),
        Report(task="multiclass", rows=3, class_names=["only"], accuracy=1.0,
               confusion_matrix=np.array([[3]]),
               per_class={"only": {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 3,
                                   "roc_auc": None, "average_precision": None}}),
        Report(task="text", rows=2, figures={
            "cer": 0.5, "lengths": {"1": 2}, "worst": [{"row": 0, "truth": "<a>", "answer": ""}],
            "nothing": [], "types": {"place": {"precision": 0.5, "f1": None}}}),
    ],
    ids=["no rows", "one class", "texts"],
)  # fmt: skip
def test_reports_alone(report, tmp_path):
    path = tmp_path / "report.html"
    report.to_html(path)
    page = Page(path)
    assert page.sections() == ["answer-1"] and page.open == []
    assert not page.all("article") and not page.all("input")


def test_many_classes_stay_few_bytes(tmp_path):
    count = 300
    counts = np.random.default_rng(0).integers(0, 3, (count, count))
    of_class = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 3, "roc_auc": None,
                "average_precision": None}  # fmt: skip
    names = [f"class {at}" for at in range(count)]
    report = Report(
        task="multiclass", rows=int(counts.sum()), class_names=names, confusion_matrix=counts,
        per_class=dict.fromkeys(names, of_class),
    )  # fmt: skip
    path = tmp_path / "report.html"
    report.to_html(path)
    page = Page(path)
    assert path.stat().st_size < 1_000_000
    assert "260 more are left out" in page.text and "and 200 rarer ones" in page.text


PIXELS = np.zeros((4, 6), "uint8")
MASKS = [np.where(np.arange(6) < 3, 1, PIXELS).astype("uint8"), PIXELS]


@pytest.mark.parametrize(
    ("target", "labels", "answers", "expected"),
    [
        (OneClass(["a", "b"]), ["a", None, "b"],
         np.array([[0.25, 0.75], [0.5, 0.5], [np.nan, np.nan]]),
         [("a", "b", False, np.log(4)), (None, "a", None, None), ("b", None, None, None)]),
        (YesNo(["no", "yes"], thresholds=[0.2]), ["no", "yes"], np.array([[0.25], [0.5]]),
         [("no", "yes", False, -np.log(0.75)), ("yes", "yes", True, np.log(2))]),
        (SeveralClasses(["a", "b"]), np.array([[1.0, 0.0], [0.0, 0.0]]),
         np.array([[0.5, 0.5], [0.5, 0.1]]),
         [("a", "a, b", False, np.log(2)), ("(none)", "a", False, -np.log([0.5, 0.9]).mean())]),
        (Values(1), np.array([1.0, np.nan]), np.array([[1.5], [2.0]]),
         [("1", "1.5", None, 0.5), (None, "2", None, None)]),
        (Values(2), np.array([[0.0, 10.0], [2.0, 30.0]]), np.array([[1.0, 10.0], [2.0, 30.0]]),
         [("0, 10", "1, 10", None, 0.5), ("2, 30", "2, 30", None, 0.0)]),
        (TranscribedText(), ["two", ["one", "1"]], ["too", None],
         [("two", "too", False, 1 / 3), ("one", None, False, 1.0)]),
        (TextTarget(vocabulary=["a", "b"], lowercase=True), ["A b", None], ["a", "b"],
         [("a b", "a", False, 2 / 3), (None, "b", None, None)]),
        (TagsOfWords("text"), [["O", "X"], None], [["O"], ["O"]],
         [("O X", "O", False, 0.5), (None, "O", None, None)]),
        (BoxInPicture("image"), np.array([[0.0, 0, 2, 2], [np.nan] * 4]),
         np.array([[0.0, 0, 2, 1], [0, 0, 1, 1]]),
         [("0, 0, 2, 2", "0, 0, 2, 1", None, 0.5), (None, "0, 0, 1, 1", None, None)]),
        (MaskOfPicture("image"), [MASKS[0], None], [encoded(MASKS[0]), encoded(MASKS[1])],
         [("object 50.0%", "object 50.0%", None, 0.0), (None, "(none)", None, None)]),
    ],
    ids=["class", "yes or no", "several", "number", "numbers", "transcript", "text", "tags", "box",
         "mask"],
)  # fmt: skip
def test_rows_are_compared(target, labels, answers, expected):
    rows = target.compared(target.check(labels), answers, ["one two", "three"])
    found = [(row.truth, row.answer, row.right, row.loss) for row in rows]
    for (*said, loss), (*wanted, wanted_loss) in zip(found, expected, strict=True):
        assert said == wanted
        assert loss == (None if wanted_loss is None else pytest.approx(wanted_loss, abs=1e-6))
    assert target.loss_name


def test_keys_say_what_was_missed():
    target = SeveralClasses(["a", "b"])
    (row,) = target.compared(np.array([[1.0, 0.0]]), np.array([[0.2, 0.9]]))
    assert row.keys == ["missed 0", "wrong 1"]


def test_a_target_of_ones_own_is_shown_by_its_columns():
    class Own(Values):
        compared = mmzoo.targets.Target.compared

    (row, other) = Own(1).compared(np.array([1.0, np.nan]), np.array([[2.0], [np.nan]]))
    assert (row.truth, row.answer, other.truth, other.answer) == ("1.0", "2.0", None, None)


@pytest.mark.parametrize("exclusive", [True, False])
def test_slider_counts_are_those_of_the_rows(exclusive):
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(3), 50).astype("float32")
    probabilities[:10] = np.round(probabilities[:10] * 200) / 200  # as sliders have them
    is_class = np.eye(3, dtype=bool)[generator.integers(0, 3, 50)]
    probabilities[7] = np.nan
    found = live_thresholds((["a", "b", "c"], is_class, probabilities), exclusive)
    assert found["rows"] == 49
    known = ~np.isnan(probabilities).any(axis=1)
    likeliest = np.nan_to_num(probabilities).argmax(axis=1)
    for at, of_class in enumerate(found["classes"]):
        for step in (0, 1, 60, 100, 199, 200):
            said = known & (probabilities[:, at] >= np.float32(step / 200))
            said &= (likeliest == at) | (not exclusive)
            assert of_class["said"][step] == said.sum()
            assert of_class["right"][step] == (said & is_class[:, at]).sum()


def test_no_slider_without_an_answer():
    nothing = np.full((2, 1), np.nan)
    assert live_thresholds((["yes"], np.ones((2, 1), bool), nothing), False) is None


def test_pictures_are_shown_as_they_are(tmp_path):
    big = encoded(np.zeros((500, 1000, 3)), "JPEG")
    (tmp_path / "a.jpg").write_bytes(big)
    image = mmzoo.Image((8, 8))
    for value in (big, "a.jpg", np.zeros((500, 1000, 1), "float32"), np.zeros((500, 1000, 3))):
        shown = shown_value(image, value, tmp_path)
        assert (shown["kind"], shown["width"], shown["height"]) == ("picture", 320, 160)
        assert shown["full_size"] == (1000, 500)
    tiny = shown_value(image, picture("red"))
    assert tiny["tiny"] and tiny["source"].startswith("data:image/")
    clear = PIL.Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    shown = shown_value(image, "clear.png", tmp_path)
    assert np.asarray(shown["image"]).min() == 255  # what is transparent is white
    assert shown_value(image, "no.png", tmp_path)["kind"] == "unreadable"
    assert shown_value(mmzoo.Image((8, 8), max_pixels=9), big)["kind"] == "unreadable"
    assert shown_value(image, None) == {"kind": "absent"}


def test_turned_pictures_lie_as_their_places_need_it():
    image = PIL.Image.new("RGB", (40, 20))
    exif = image.getexif()
    exif[0x0112] = 6  # turn by a quarter
    turned = encoded(np.asarray(image), "JPEG", exif=exif)
    assert shown_value(mmzoo.Image((8, 8)), turned)["full_size"] == (20, 40)
    assert shown_value(mmzoo.Image((8, 8)), turned, upright=False)["full_size"] == (40, 20)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_sounds_are_short_wav_files(dtype):
    wave = np.sin(np.arange(44_100 * 8) / 20) / 2
    scale = {"uint8": (100, 128), "int16": (2**15 - 1, 0), "int32": (2**31 - 1, 0)}
    factor, middle = scale.get(dtype, (1, 0))
    samples = (wave * factor + middle).astype(dtype)
    audio = mmzoo.Audio(44_100, 1.0)
    shown = shown_value(audio, samples if dtype == "uint8" else wav_bytes(samples, 44_100))
    assert shown["note"] == "the first 6 s of 8.0 s"
    assert len(shown["source"]) == pytest.approx(6 * 16_000 * 2 * 4 / 3, rel=0.01)
    assert shown_value(audio, b"no sound")["kind"] == "unreadable"


def test_other_values_are_texts():
    shown = shown_value(mmzoo.Features(20), np.arange(20.0))
    assert shown["start"].startswith("[0, 1, 2") and shown["note"] == "20 numbers"
    shown = shown_value(mmzoo.Text(length=4, vocabulary_size=10, segments=2), ["a", "b"])
    assert shown["start"] == "a[SEP]b"
    frames = [picture("red"), picture("blue")]
    shown = shown_value(mmzoo.Video(2, (8, 8)), frames)
    assert shown["kind"] == "picture" and shown["note"] == "the first of 2 frames"
    table = shown_value(mmzoo.Tabular(numeric=["a"]), {"a": None})
    assert table["cells"] == [("a", "")]


def test_charts_survive_any_numbers():
    values = {"loss": [1.0, np.inf, np.nan, 2.0], "val_loss": [None, 1.0]}
    (_, chart), *_ = charts.curves([1, 2, 3, 4], values)
    assert len(chart.lines) == 3  # a gap in the training curve
    for _, text in chart.y_ticks:
        assert float(text)
    for values in ([0.0], [5.0, 5.0], [1e-12, 2e-12], [1e12, 1e13], [-3.0, 3.0]):
        ((_, chart),) = charts.curves([1, 2][: len(values)], {"loss": values})
        assert all(np.isfinite([dot["x"], dot["y"]]).all() for dot in chart.dots)
        assert 2 <= len(chart.y_ticks) <= 8


def test_training_stays_where_its_page_cant_be_written(made, tmp_path, monkeypatch):
    model, preprocessor, records, report = made
    monkeypatch.setattr("mmzoo.evaluation.html.page._template", lambda: 1 / 0)
    predicted = ({"head": np.full((42, 3), 1 / 3, "float32")}, [None] * 42)
    with pytest.warns(UserWarning, match=r"report.html was not written: ZeroDivisionError"):
        write_run_page(
            tmp_path, report, model, preprocessor, records, seed=0, passes=0, predicted=predicted
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("rows", "passes", "found"), [(42, 10**6, 0), (120, 100, 0), (120, 480, 1)]
)
def test_contributions_are_found_where_they_cost_little(
    made, rows, passes, found, tmp_path, monkeypatch
):
    model, preprocessor, records, _ = made
    asked = []

    def contributions(model, preprocessor, rows, **_):
        asked.append(rows)

    monkeypatch.setattr("mmzoo.commands.run_page.contributions", contributions)
    records = records.take(np.arange(rows) % 42)
    report = Report(task="multiclass", rows=rows)
    predicted = ({"head": np.full((rows, 3), 1 / 3, "float32")}, [None] * rows)
    write_run_page(
        tmp_path, report, model, preprocessor, records, seed=0, passes=passes, predicted=predicted
    )
    assert [len(rows) for rows in asked] == [120] * found
    assert (tmp_path / "report.html").exists()


@pytest.mark.end_to_end
def test_several_answers_have_a_part_each(tmp_path):
    model, _, records, report = pages.several_answers()
    path = tmp_path / "report.html"
    report.to_html(path, data={"test": records})
    page = Page(path)
    assert page.sections()[:3] == ["answer-1", "answer-2", "answer-3"] and model is not None
    assert [len(page.data["thresholds"][name]["classes"]) for name in ("tags", "fresh")] == [3, 1]
    sliders = [a for a in page.all("input") if a["type"] == "range"]
    assert len(sliders) == 4  # one a label
    views = [a["data-view"] for a in page.all("button") if "data-view" in a]
    assert views == [*(f"worst-{name}" for name in report), "random", "all"]
    assert page.all("audio") and "<i>red</i>" in page.text
    assert any(a.get("data-key", "").startswith("tags:missed") for a in page.all("button"))


@pytest.mark.end_to_end
@pytest.mark.parametrize(
    ("head", "labels", "inside"),
    [
        (
            mmzoo.heads.Words(length=4),
            ["a <red> one", "two"] * 3,
            "share of wrong characters",
        ),
        (mmzoo.heads.Tags(), [["O", "B-place", "I-place"]] * 6, "B-place ✗"),
        (mmzoo.heads.Box(), [[0.0, 0.0, 15.0, 10.0]] * 6, "1 - intersection over union"),
        (mmzoo.heads.Mask(), [np.eye(20, 30, dtype="uint8")] * 6, "object 3.3%"),
    ],
    ids=["words", "tags", "box", "mask"],
)
def test_other_answers_have_sensible_pages(head, labels, inside, tmp_path):
    if isinstance(head, mmzoo.heads.Tags):
        text = mmzoo.Text(length=6, vocabulary_size=30, words="spaces", encoder="transformer")
        inputs, columns = {"text": text}, {"text": [f"in <New> York{row}" for row in range(6)]}
    else:
        inputs, columns = inputs_of("image", optional=False), columns_of(6, "image")
    model, _, _, report = judged(inputs, columns, labels, head)
    path = tmp_path / "report.html"
    report.to_html(path)
    page = Page(path)
    assert "rows" in page.sections() and model is not None
    assert inside in page.text and len(page.all("article")) == 6
    if isinstance(head, mmzoo.heads.Box):
        boxes = [a for a in page.all("span") if a.get("class") == "box box-truth"]
        assert boxes[0]["style"] == "left:0.0%;top:0.0%;width:50.0%;height:50.0%"
