"""`mmzoo list`."""

import difflib
import shutil
import textwrap
from typing import Annotated

import typer

from mmzoo.commands.names import encoder_names, fusion_names, head_names, model_summary
from mmzoo.commands.zoo_facts import facts, shown


def _models():
    return list(facts())


def list_parts(
    model: Annotated[
        str | None,
        typer.Argument(help="A model to tell more of; all.", autocompletion=_models),
    ] = None,
):
    """List the models, encoders, fusion blocks and heads."""
    known = facts()
    if model is not None and model not in known:
        nearest = difflib.get_close_matches(model, known, n=1, cutoff=0.5)
        hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
        raise ValueError(f"There is no model {model!r}.{hint} Known: {', '.join(known)}.")
    print("Models for mmzoo.build_model (mmzoo list MODEL: what was measured, too)")
    for name, fact in known.items() if model is None else [(model, known[model])]:
        inputs = ", ".join(fact["inputs"])
        _say(f"{name}: {inputs}; {fact['fusion']}; {fact['parameters']:,} parameters", 2, 4)
        _say(model_summary(name), 6, 0)
        if model is not None:
            for inner, what in fact["inputs"].items():
                _say(f"{inner}: {what}", 6)
            _say(f"measured: {shown(fact['measured'])}", 6)
    if model is None:
        print("Encoders")
        for kind, names in encoder_names().items():
            _say(f"{kind}: {', '.join(names)}", 2)
        print("Fusion blocks")
        _say(", ".join(fusion_names()), 2, 0)
        print("Heads")
        _say(", ".join(head_names()), 2, 0)


def _say(text, indent, hanging=2):
    """Prints a paragraph, as wide as the terminal."""
    print(
        textwrap.fill(
            text,
            min(shutil.get_terminal_size().columns, 120),
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hanging),
            break_long_words=False,
            break_on_hyphens=False,
        )
    )
