"""The page to try a model, in a browser: every modality, every kind of answer."""

import json

import keras
import numpy as np
import pytest

import mmzoo
from tests import parts
from tests.pipeline.raw import encoded, picture, raw_columns, sound

pytest.importorskip("gradio", reason='no Gradio: pip install "mmzoo[demo-page]"')
pytestmark = pytest.mark.browser

MIME = {".png": "image/png", ".wav": "audio/wav"}
#: Milliseconds that an answer may take on a busy machine.
PATIENCE = 120_000


def launched(inputs, head, rows, fusion="concat"):
    """`(model, preprocessor, page)` of an untrained model, where the page is open for browsers."""
    keras.utils.set_random_seed(0)
    model = mmzoo.build_model(inputs=inputs, head=head, dim=8, fusion=fusion, compile=False)
    preprocessor = mmzoo.Preprocessor(inputs, head=head)
    blocks = mmzoo.demo(model, preprocessor, rows, title="A tiny model")
    blocks.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, footer_links=[])
    return model, preprocessor, blocks


@pytest.fixture(scope="module")
def classifier():
    inputs = {
        "image": parts.image(),
        "text": parts.text(optional=True),
        "audio": parts.audio(optional=True),
    }
    columns, labels = raw_columns(3)
    rows = mmzoo.data.from_arrays({name: columns[name] for name in inputs}, labels)
    head = mmzoo.heads.Softmax(class_names=["red", "green", "blue"])
    *found, blocks = launched(inputs, head, rows)
    yield *found, blocks.local_url
    blocks.close(verbose=False)


@pytest.fixture(scope="module")
def everything():
    """Of every modality and every kind of answer."""
    inputs = {kind: make(optional=kind != "image") for kind, make in parts.MODALITIES.items()}
    inputs["text"] = parts.text(optional=True, words="spaces")
    inputs["audio"] = parts.audio(parts.tiny("gru", mmzoo.encoders.AudioGRU), optional=True)
    head = {
        "kind": mmzoo.heads.Softmax(class_names=["cat", "dog"]),
        "likes": mmzoo.heads.Sigmoid(3, class_names=["red", "round", "big"]),
        "price": mmzoo.heads.Regression(),
        "title": mmzoo.heads.Words([*"abcdefgh"], length=4),
        "said": mmzoo.heads.Transcript(alphabet="abc", hidden_units=16),
        "names": mmzoo.heads.Tags(tags=["B-x", "I-x", "O"], text="text"),
        "place": mmzoo.heads.Box(hidden_units=16),
        "area": mmzoo.heads.Mask(hidden_units=16),
    }
    fusion = parts.tiny("cross_attention", mmzoo.fusion.CrossAttention)
    columns, _ = raw_columns(2)
    rows = mmzoo.data.from_arrays({name: columns[name] for name in inputs})
    *found, blocks = launched(inputs, head, rows, fusion)
    yield *found, blocks.local_url
    blocks.close(verbose=False)


@pytest.fixture
def requests(page):
    """Where the page sent requests to."""
    urls = []
    page.on("request", lambda request: urls.append(request.url))
    return urls


def opened(page, url):
    page.set_default_timeout(30_000)
    page.goto(url)
    page.get_by_role("button", name="Answer").wait_for()


def upload(page, label, *files):
    """Puts files, `(name, content)`, into the input with that label, and waits until they are."""
    payload = [
        {"name": name, "mimeType": MIME[name[-4:]], "buffer": content} for name, content in files
    ]
    block = page.locator(".block").filter(has=page.get_by_text(label, exact=True))
    with page.expect_response(lambda response: "/upload" in response.url):
        block.locator("input[type=file]").first.set_input_files(payload)
    page.wait_for_timeout(500)  # until the page knows of the file


def answered(page):
    """Presses the button and waits for what it does."""
    with page.expect_response(lambda response: "/queue/join" in response.url):
        page.get_by_role("button", name="Answer").click()
    page.wait_for_timeout(300)
    page.wait_for_function("() => !document.querySelector('.progress-text')", timeout=PATIENCE)


def no_errors(page):
    """No script failed; that the page ends its own stream of events is none."""
    return [error for error in page.errors if "/queue/data" not in error] == []


def scores(page, name="answer: scores"):
    """Dict from class to the percent that is shown."""
    lines = page.locator(".block").filter(has_text=name).locator(".confidence-set")
    return {
        line.locator(".text").text_content().strip():
            int(line.locator(".confidence").text_content().strip().rstrip("%"))
        for line in lines.all()
    }  # fmt: skip


def test_type_upload_and_press(classifier, page, requests):
    model, preprocessor, url = classifier
    opened(page, url)
    page.get_by_label("text (optional)").fill("it is red")
    upload(page, "image", ("red.png", picture("red")))
    upload(page, "audio (optional)", ("voice.wav", sound()))
    answered(page)
    row = {"image": picture("red"), "text": "it is red", "audio": sound()}
    expected = mmzoo.predict(model, preprocessor, [row])[0]
    names = ["red", "green", "blue"]
    assert page.get_by_label("answer", exact=True).input_value() == names[expected.argmax()]
    assert scores(page) == pytest.approx(dict(zip(names, 100 * expected, strict=True)), abs=0.51)
    assert no_errors(page)
    elsewhere = [x for x in requests if not x.startswith((url, "blob:", "data:"))]
    assert requests and not elsewhere


def test_optional_inputs_stay_empty_and_contributions_are_shown(classifier, page):
    model, preprocessor, url = classifier
    opened(page, url)
    upload(page, "image", ("blue.png", picture("blue")))
    page.get_by_label("Say what each input contributed").check()
    answered(page)
    expected = mmzoo.predict(model, preprocessor, [{"image": picture("blue")}])[0]
    assert max(scores(page).values()) == pytest.approx(100 * expected.max(), abs=0.51)
    page.get_by_text("contributions to probability of").wait_for()
    page.get_by_label("Show what speaks for the answer").check()
    answered(page)
    page.locator(".overlay img").wait_for()
    assert no_errors(page)


def test_what_cannot_be_read_is_said_on_the_page(classifier, page):
    opened(page, classifier[-1])
    answered(page)
    assert page.get_by_role("alert").text_content() == "'image' has no value, and is not optional."
    upload(page, "image", ("broken.png", picture("red")[:60]))
    answered(page)
    said = page.get_by_role("alert").text_content()
    assert said.startswith("'image' can't be read") and "truncated" in said
    assert page.get_by_label("answer", exact=True).input_value() == ""
    page.get_by_label("Remove Image").click()
    upload(page, "image", ("red.png", picture("red")))
    upload(page, "audio (optional)", ("voice.wav", b"RIFF, but no sound"))
    answered(page)
    assert page.get_by_role("alert").text_content().startswith("'audio' can't be read")


def test_example_fills_the_page(classifier, page):
    opened(page, classifier[-1])
    page.locator("table tbody tr").filter(has_text="is it a green circle").click()
    page.get_by_label("Remove Image").wait_for()
    assert page.get_by_label("text (optional)").input_value() == "is it a green circle"
    answered(page)
    assert page.get_by_label("answer", exact=True).input_value() in ("red", "green", "blue")
    assert no_errors(page)


@pytest.mark.parametrize("width", [400, 1400])
def test_every_modality_and_every_kind_of_answer(everything, page, width):
    model, preprocessor, url = everything
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, url)
    large = encoded(np.tile(np.arange(90, dtype="uint8")[:, None, None], (1, 120, 3)))
    row = {
        "image": large,
        "text": "a red circle",
        "audio": sound(),
        "video": [picture("red"), picture("green")],
        "tabular": {"price": "19.9", "weight": None, "color": "green", "shape": None},
        "features": np.ones((2, 3)),
    }
    upload(page, "image", ("large.png", large))
    page.get_by_label("text (optional)").fill(row["text"])
    upload(page, "audio (optional)", ("voice.wav", row["audio"]))
    frames = [(f"{number}.png", frame) for number, frame in enumerate(row["video"])]
    upload(page, "video (optional): up to 4 pictures, in their order", *frames)
    page.get_by_label("price", exact=True).first.fill("19.9")
    page.get_by_label("color").fill("green")
    page.get_by_role("option", name="green").click()
    page.get_by_label("features (optional): 5 x 3 numbers").fill(json.dumps([[1, 1, 1]] * 2))
    answered(page)
    expected = {name: x[0] for name, x in mmzoo.predict(model, preprocessor, [row]).items()}
    kind = ["cat", "dog"][expected["kind"].argmax()]
    assert page.get_by_label("kind", exact=True).input_value() == kind
    likes = ", ".join(np.array(["red", "round", "big"])[expected["likes"] >= 0.5])
    assert page.get_by_label("likes", exact=True).input_value() == (likes or "none of them")
    price = page.get_by_label("price", exact=True).last.input_value()
    assert float(price) == pytest.approx(expected["price"][0], rel=1e-4)
    assert page.get_by_label("title").input_value() == expected["title"]
    assert page.get_by_label("said").input_value() == expected["said"]
    corners = page.get_by_label("place: x0, y0, x1, y1 in pixels").input_value()
    assert [*map(float, corners.split(", "))] == pytest.approx([*expected["place"]], abs=0.06)
    assert "object" in page.get_by_label("area: share of the pixels").input_value()
    marked = page.locator(".block").filter(has=page.locator(".mask"))
    assert marked.count() >= 1
    assert page.get_by_text("circle").first.is_visible()
    assert no_errors(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
