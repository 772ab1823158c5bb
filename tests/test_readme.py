"""Every line of Python in the README and in the guides runs, in order, on small data."""

import functools
import hashlib
import pathlib
import re
import runpy
import sys

import pandas
import pytest

import mmzoo
from tests import tiny_language_models
from tests.pipeline import hub_modules, keras_hub_presets
from tests.pipeline.raw import encoded, raw_columns

README = pathlib.Path(__file__).parent.parent / "README.md"
DOCS = README.parent / "docs"
GUIDES = sorted((DOCS / "guides").glob("*.md"))


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder with `rows.csv` and `photos/`, as the README's reader has it."""
    columns, labels = raw_columns(60)
    (tmp_path / "photos").mkdir()
    for row, value in enumerate(columns["image"]):
        (tmp_path / "photos" / f"{row}.png").write_bytes(value)
    (tmp_path / "photos" / "1.jpg").write_bytes(encoded([[[9, 9, 9]] * 8] * 8, "JPEG"))
    pandas.DataFrame(
        {
            "photo": [f"{row}.png" for row in range(60)],
            "title": columns["text"],
            "category": labels,
            "price": [row % 7 + 0.5 for row in range(60)],
            "tags": ["|".join([label, "shape"][: row % 3]) for row, label in enumerate(labels)],
        }
    ).to_csv(tmp_path / "rows.csv", index=False)
    monkeypatch.chdir(tmp_path)
    # Pretrained parts, where their downloads would be.
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    handle = re.search(r'"(https://tfhub.dev/.*?)"', README.read_text()).group(1)
    hub_modules.save_words(str(tmp_path / "hub" / hashlib.sha1(handle.encode()).hexdigest()))
    keras_hub_presets.bert(tmp_path / "all-MiniLM-L6-v2")
    tiny_language_models.gpt2(["red circle", "blue square"]).save_to_preset(tmp_path / "gpt2")
    keras_hub_presets.clip(tmp_path / "clip-vit-base-patch32")
    make = mmzoo.encoders.applications.ARCHITECTURES["MobileNetV3Small"]

    @functools.wraps(make)
    def without_download(weights, **options):
        return make(weights=None, **options)

    monkeypatch.setitem(
        mmzoo.encoders.applications.ARCHITECTURES, "MobileNetV3Small", without_download
    )
    return tmp_path


def blocks(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)


@pytest.mark.end_to_end
def test_snippets(shop):
    assert len(blocks(README)) == 6
    namespace = {}
    for block in blocks(README):
        exec(block, namespace)
    assert namespace["report"].rows == 6
    assert namespace["outputs"]["labels"].shape == (1, 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    "guide", [page for page in GUIDES if blocks(page)], ids=lambda page: page.stem
)
def test_snippets_of_guides(shop, guide):
    namespace = {}
    for block in [*blocks(README)[:2], *blocks(guide)]:  # what the guides take from the README
        exec(block, namespace)
    assert namespace["report"].rows == 6


def test_links_lead_somewhere():
    for page in [README, *DOCS.glob("*.md"), *GUIDES]:
        for link in re.findall(r"\]\((?!http)(.*?)\)", page.read_text()):
            name, _, heading = link.partition("#")
            target = (page.parent / name) if name else page
            assert target.exists(), (page.name, link)
            if heading and target.suffix == ".md":
                headings = re.findall(r"^#+ (.*)$", target.read_text(), flags=re.MULTILINE)
                anchors = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
                assert heading in anchors, (page.name, link)


def test_results_in_short_are_those_of_the_tables():
    short = README.read_text().split("## Results")[1].split("##")[0]
    numbers = re.findall(r"\d+\.\d+", short)
    whole = (DOCS / "results.md").read_text()
    assert len(numbers) > 8 and all(number in whole for number in numbers)


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= 200


def test_parts_are_listed():
    text = README.read_text()
    names = [*mmzoo.fusion.names(), *mmzoo.heads.names(), *mmzoo.list_models()]
    names += mmzoo.decoders.names()
    for kind in mmzoo.encoders.ENCODERS:
        names += mmzoo.encoders.names(kind)
    missing = [name for name in names if f"`{name}`" not in text]
    assert not missing


TABLES = ("easy_vqa", "easy_vqa_words", "spoken_strings", "sort_of_clevr", "train_step",
          "input_pipeline", "av_digits", "spoken_digits", "tuxpaint",
          "clothing_reviews", "tagging", "tuxpaint_captions", "generation", "prompts",
          "scene_sentences", "grounding", "pointing_game", "calibration", "serve_load")  # fmt: skip


@pytest.mark.parametrize("benchmark", TABLES)
def test_tables_are_those_of_the_results_files(benchmark, monkeypatch):
    folder = README.parent / "benchmarks"
    monkeypatch.syspath_prepend(folder)
    script = runpy.run_path(str(folder / f"{benchmark}.py"))
    assert script["table"](script["read"](benchmark)) in (DOCS / "results.md").read_text()


def test_pages_made_of_docstrings_and_results_are_up_to_date(monkeypatch):
    monkeypatch.setattr("sys.path", [*sys.path])  # the script adds to it
    for name, page in runpy.run_path(str(DOCS / "generate.py"))["PAGES"].items():
        assert page() == (DOCS / name).read_text(), "run python docs/generate.py"
