"""Parts of docstrings, as the pages of the documentation show them."""

import inspect
import re


def section(thing, title):
    """The text of `Title: ...` in a docstring, on one line; `None` where there is none."""
    pattern = rf"^{title}: (.*?)(?=^\S|\Z)"
    found = re.search(pattern, inspect.getdoc(thing), re.DOTALL | re.MULTILINE)
    return found and " ".join(found.group(1).split())


def summary(thing):
    """The first line."""
    return inspect.getdoc(thing).split("\n")[0]


def description(thing):
    """What stands between the first line and the arguments, in paragraphs."""
    text = re.split(r"^(?:Args|Returns|Example|Reference):", inspect.getdoc(thing), flags=re.M)[0]
    return text.partition("\n")[2].strip()


def example(thing):
    """The example, in a block of code."""
    found = re.search(
        r"^Example:\n\n(.*?)(?=^Reference: |\Z)", inspect.getdoc(thing), re.DOTALL | re.M
    )
    code = found.group(1).strip()
    return code if code.startswith("```") else f"```pycon\n{code}\n```"


def linked(reference):
    """Every arXiv number as a link."""
    number = r"(?:arXiv )?\b(\d{4}\.\d{4,5})\b"
    return re.sub(number, r"[\1](https://arxiv.org/abs/\1)", reference)
