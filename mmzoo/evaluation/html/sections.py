"""What a page says besides its answers: the data, and the model."""

import importlib
import math

from mmzoo.heads import heads_of, targets_of
from mmzoo.targets.labels import class_counts

#: Of findings of a kind, of classes and of notes, so many are listed.
FINDINGS, CLASSES = 5, 40


def data_section(data, validation):
    """How many rows and classes there are, what is absent, and what validation found.

    Args:
        data: dict from the name of a part to its `mmzoo.data.Records`; may be empty.
        validation: a `mmzoo.data` validation report, or `None`.

    Returns:
        Dict, or `None` where there is nothing to say.
    """
    if not data and validation is None:
        return None
    section = {"parts": [], "classes": [], "findings": [], "notes": [], "summary": None}
    for name, records in data.items():
        absent = {column: sum(value is None for value in values)
                  for column, values in records.columns.items()}  # fmt: skip
        absent = ", ".join(f"{column} in {count:,}" for column, count in absent.items() if count)
        section["parts"].append((name, f"{len(records):,}", absent or "nothing"))
    section["classes"] = _classes(data)
    if validation is not None:
        section["notes"] = list(validation.notes)
        section["findings"] = _findings(validation)
        section["summary"] = str(validation).splitlines()[0]
    return section


def _classes(data):
    """A table an answer: how many rows of each part have which class."""
    tables = []
    answers = dict.fromkeys(name for records in data.values() for name in records.label_columns)
    for answer in answers:
        counts = {}
        for part, records in data.items():
            column = records.label_columns.get(answer)
            found = column and class_counts(column.labels, column.class_names)
            if found:
                counts[part] = found
        if not counts:
            continue
        names = list(dict.fromkeys(name for found in counts.values() for name in found))
        names.sort(key=lambda name: -sum(found.get(name, 0) for found in counts.values()))
        largest = {part: max(found.values()) or 1 for part, found in counts.items()}
        lines = [
            (name, [(found.get(name, 0), found.get(name, 0) / largest[part])
                    for part, found in counts.items()])
            for name in names[:CLASSES]
        ]  # fmt: skip
        title = "Classes" if answer == "head" else f"Classes of {answer}"
        tables.append({"title": title, "parts": list(counts), "lines": lines,
                       "hidden": len(names) - len(lines)})  # fmt: skip
    return tables


def _findings(validation):
    """`(kind, severity, count, examples)` of what validation found."""
    found = {}
    for finding in validation.findings:
        found.setdefault((finding.severity, finding.kind), []).append(finding)
    return [
        {
            "kind": kind,
            "severity": severity,
            "count": len(of_kind),
            "examples": [
                f"{each.where}: {each.column + ': ' if each.column else ''}{each.message}"
                for each in of_kind[:FINDINGS]
            ],
        }
        for (severity, kind), of_kind in sorted(found.items())
    ]


def model_section(model, preprocessor, arguments):
    """The model card: inputs, answers, parts, sizes, versions, and how it was trained.

    Args:
        model: what `mmzoo.build_model` returned.
        preprocessor: its `mmzoo.Preprocessor`.
        arguments: dict of how it was trained; may be empty.

    Returns:
        Dict.
    """
    inputs = []
    for name, modality in preprocessor.inputs.items():
        tensors = ", ".join(
            f"{part} ({', '.join('any' if size is None else str(size) for size in shape)}) {dtype}"
            for part, (shape, dtype) in modality.tensors().items()
        )
        try:
            encoder = type(model.get_layer(f"{name}_encoder")).__name__
        except ValueError:
            encoder = ""
        optional = "yes" if modality.optional else "no"
        inputs.append((name, modality.kind, tensors, encoder, optional))
    lines = []
    heads = heads_of(model)
    for answer, target in targets_of(model, preprocessor).items():
        title = type(heads[answer]).__name__
        lines.append((title if answer == "head" else f"{answer}: {title}",
                      [line for line in target.card_lines() if line]))  # fmt: skip
    versions = ", ".join(
        f"{name} {importlib.import_module(name).__version__}"
        for name in ("mmzoo", "keras", "tensorflow")
    )
    fusion = getattr(model, "fusion", None)
    facts = [
        ("fusion", "none" if fusion is None else type(fusion).__name__),
        ("parameters", f"{model.count_params():,}"),
        ("trainable", f"{sum(math.prod(w.shape) for w in model.trainable_weights):,}"),
        ("precision", model.dtype_policy.name),
        ("versions", versions),
    ]
    return {
        "name": model.name,
        "inputs": inputs,
        "heads": lines,
        "facts": facts,
        "arguments": [(name, _short(value)) for name, value in arguments.items()
                      if value not in (None, {}, [], "")],
    }  # fmt: skip


def _short(value):
    text = str(value)
    return text if len(text) <= 300 else f"{text[:300]}…"
