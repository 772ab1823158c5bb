"""`mmzoo check`."""

import os
from typing import Annotated

import typer

from mmzoo.commands.column_options import ColumnOptions
from mmzoo.commands.options import Label


def check(
    csv: Annotated[str, typer.Argument(help="The rows, as in `mmzoo train --data`.")],
    columns: ColumnOptions,
    output: Annotated[str, typer.Option(help="Folder of the two files.")] = "check",
    label: Label | None = None,
):
    """Read every value as training would, and say what is wrong.

    With --head every label is held against it, too, such as a box against its picture. Writes
    report.json and bad_rows.csv. The exit code is 1 if there are rows that can't be used.
    """
    from mmzoo.commands.quiet_import import import_tensorflow

    import_tensorflow()
    from mmzoo.commands.inferred_table import print_inferred
    from mmzoo.commands.train_run import head_for
    from mmzoo.data.sources.from_file import is_conll

    columns, inferred = columns.inferred(csv, label or [])
    if inferred is not None:
        print_inferred(inferred)
    heads = columns.heads(label or [])
    has_tags = any(config["class_name"] == "tags" for config in heads.values())
    more = {"text": {"words": "spaces"}} if has_tags or is_conll(csv) else {}
    columns.inputs(**more)  # finds mistakes before any file is read
    records, note = columns.records(csv, label, on_error="skip")
    head = head_for(records, named=heads) if heads else None
    report = records.validate(columns.inputs(records, **more), verbose=True, head=head)
    report.notes += [note] if note else []
    print(report)
    os.makedirs(output, exist_ok=True)
    report.save(os.path.join(output, "report.json"))
    report.save_findings(os.path.join(output, "bad_rows.csv"))
    print(f"Written: {output}/report.json, {output}/bad_rows.csv")
    if not report.ok or note:
        raise typer.Exit(1)
