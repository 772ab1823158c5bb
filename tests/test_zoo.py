"""What is said of the recipes, in docs/zoo.md and by `mmzoo list`, is so."""

import importlib
import json
import pathlib

import pytest

import mmzoo
from mmzoo.commands.zoo_facts import facts, shown
from tests.parts import slow_among

ROOT = pathlib.Path(__file__).parent.parent
#: Models that take a second or more to be built.
LARGE = [name for name, fact in facts().items() if fact["parameters"] > 3_000_000] + ["mult"]


@pytest.fixture
def zoo_page(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.syspath_prepend(ROOT / "docs")
    return importlib.import_module("zoo_page")


def test_every_recipe_is_known(zoo_page):
    assert list(facts()) == mmzoo.list_models()
    results = zoo_page.measured()
    assert {name: fact["measured"] for name, fact in facts().items()} == {
        name: results.get(name, []) for name in facts()
    }, "run python docs/generate.py"


@pytest.mark.parametrize("name", slow_among(mmzoo.list_models(), LARGE))
def test_facts_are_those_of_the_model(zoo_page, name):
    if name == "bert_resnet50_concat":
        pytest.importorskip("keras_hub", reason="the extra `keras-hub` is not installed")
    known = facts()[name]
    del known["measured"]
    assert zoo_page.facts_of(name) == known, "run python docs/generate.py"


def test_every_recipe_names_its_source_and_has_an_example(zoo_page):
    for name, function in (mmzoo.recipes.RECIPES | mmzoo.recipes.WITH_ARGUMENTS).items():
        assert zoo_page.section(function, "Reference"), name
        assert f"mmzoo.recipes.{name}(" in zoo_page.example(function) or (
            f'build_model("{name}"' in zoo_page.example(function)
        ), name


def test_results_that_differ_in_numbers_alone_are_one(zoo_page, tmp_path):
    records = [
        {"recipe": "gmu", "seed": 0, "accuracy": 0.5, "seconds": 3.1},
        {"recipe": "gmu", "seed": 1, "accuracy": 0.6, "seconds": 2.9},
        {"recipe": "gmu", "inputs": "text", "seed": 0, "accuracy": 0.25, "seconds": 1.0},
        {"recipe": "mult", "seed": 0, "mean_absolute_error": 0.7},
        {"fusion": "concat", "seed": 0, "accuracy": 0.9},
    ]
    (tmp_path / "films.json").write_text(json.dumps({"results": records}))
    (tmp_path / "curves.json").write_text('{"concat": [1, 2]}')
    results = zoo_page.measured(tmp_path)
    assert list(results) == ["gmu", "mult"]
    assert shown(results["gmu"]) == (
        "accuracy 0.550 (films, 2 runs); accuracy 0.250 (films, text, 1 run)"
    )
    assert shown(results["mult"]) == "mean absolute error 0.700 (films, 1 run)"
    assert shown([]) == "-"
