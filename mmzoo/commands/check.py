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

    Writes report.json and bad_rows.csv. The exit code is 1 if there are rows that can't be used.
    """
    from mmzoo.commands.quiet_import import import_tensorflow

    import_tensorflow()
    from mmzoo.data.sources.from_file import is_conll

    more = {"text": {"words": "spaces"}} if is_conll(csv) else {}
    columns.inputs(**more)  # finds mistakes before any file is read
    records, note = columns.records(csv, label, on_error="skip")
    report = records.validate(columns.inputs(records, **more), verbose=True)
    report.notes += [note] if note else []
    print(report)
    os.makedirs(output, exist_ok=True)
    report.save(os.path.join(output, "report.json"))
    report.save_findings(os.path.join(output, "bad_rows.csv"))
    print(f"Written: {output}/report.json, {output}/bad_rows.csv")
    if not report.ok or note:
        raise typer.Exit(1)
