"""docs/glossary.md: names use the words of the field, and a word has one meaning."""

import ast
import pathlib
import re

import pytest

import mmzoo

ROOT = pathlib.Path(mmzoo.__file__).parent
GLOSSARY = ROOT.parent / "docs" / "glossary.md"
#: Words that stood for one of the glossary's, or for several things -> what to say.
INSTEAD = {
    "take_up": "resume",
    "taken_up": "resumed",
    "takes_up": "resumes",
    "written_whole": "atomic",
    "whole_or": "atomic",
    "renewal": "recompile",
    "renew": "recompile",
    "in_message": "describe",
    "all_cores": "parallel map",
    "under": "resolve",
    "folder_of": "the name of what is in it",
    "joined": "concatenated, or fused",
    "named": "describe, or resolve",
    "presence": "present",
}


#: Those that headers do without as well.
IN_HEADERS = ("take_up", "taken_up", "takes_up", "written_whole", "whole_or", "in_message")


def public_names(tree):
    """The names of the functions and classes of a file, and of their methods, that are public."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node.name, ast.get_docstring(node) or ""


def idioms(name, words):
    """What of `words` a name is made of."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    # A lone word is an idiom where it is all of the name: `under`, not `made_under_strategy`.
    return [
        word
        for word in words
        if word == text or ("_" in word and re.search(rf"(^|_){word}($|_)", text))
    ]


@pytest.mark.parametrize("folder", [*sorted(p.name for p in ROOT.iterdir() if p.is_dir()), "."])
def test_names_are_those_of_the_glossary(folder):
    paths = (ROOT / folder).rglob("*.py") if folder != "." else ROOT.glob("*.py")
    for path in paths:
        tree = ast.parse(path.read_text())
        headers = [(path.stem, ast.get_docstring(tree) or ""), *public_names(tree)]
        for name, docstring in headers:
            found = idioms(name, INSTEAD)
            header = re.sub(r"\W+", "_", docstring.split("\n")[0])
            found += idioms(header, IN_HEADERS)
            if path.name != "atomic_files.py":  # which says what the word means
                assert not found, f"{path}: {name}: say {', '.join(INSTEAD[w] for w in found)}"


def test_every_word_is_explained_once():
    words = re.findall(r"^\| ([^|]+) \|", GLOSSARY.read_text(), flags=re.MULTILINE)[2:]
    assert len(words) > 30 and len({*words}) == len(words)
    assert {"part (of a modality)", "room", "resume", "atomic", "present", "describe"} <= {*words}
