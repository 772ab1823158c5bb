"""print_inferred(): what the columns of a file were taken for, as a table."""


def print_inferred(inferred):
    """Prints what each column is read as, why, and what is suspicious.

    Args:
        inferred: a `mmzoo.data.inference.InferredColumns`.
    """
    from mmzoo.utils.optional_packages import require

    text = require("rich.text", "report").Text  # a name in brackets is no markup
    title = "No column is named: all are read that a model can read"
    table = require("rich.table", "report").Table(title=title, title_justify="left")
    for heading in ("column", "read as", "because of"):
        table.add_column(heading, overflow="fold")
    for column, kind, reason in inferred.table():
        table.add_row(text(column), kind, text(reason), style=None if kind != "left out" else "dim")
    console = require("rich.console", "report").Console()
    console.print(table)
    console.print(
        "To read others, or otherwise, name all that are to be read, such as --text title --numeric"
        " price.",
        highlight=False,
    )
    for note in inferred.notes:
        console.print(f"Note: {note}", markup=False, highlight=False)
