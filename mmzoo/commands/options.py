"""Options that several commands share, described once."""

import dataclasses
import functools
import inspect
from typing import Annotated

import typer

_CSV = typer.Option(
    "--csv",
    "--data",
    help="The rows: a CSV (with a header line), TSV, JSON-lines or Parquet file, or a folder; or a "
    "CoNLL file, whose columns are numbers: --text 0 --label -1.",
)
Csv = Annotated[str, _CSV]
OptionalCsv = Annotated[str | None, _CSV]
Root = Annotated[
    str | None, typer.Option(help="Folder that relative paths start from; the file's own.")
]
Encoding = Annotated[
    str | None, typer.Option(help="Encoding of a text file, such as cp1252; UTF-8.")
]
Separator = Annotated[
    str | None,
    typer.Option(help="What stands between the cells of a CSV file; a comma, in .tsv a tab."),
]
Run = Annotated[str, typer.Argument(help="Folder that `mmzoo train` made.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Rows a batch.")]
Label = Annotated[
    list[str],
    typer.Option(
        metavar="COLUMN", help="Column of the labels; several for several answers; repeatable."
    ),
]
OnError = Annotated[
    str,
    typer.Option(
        help="Rows with a value that can't be read: `raise` stops there, `skip` leaves them out, "
        "`missing` takes the value as absent."
    ),
]


#: Options that take the name of a label, or none.
BARE = ("--regression", "--classes")


def with_bare_options(arguments):
    """Arguments in which an option of `BARE` without a value has an empty one.

    Example:

    >>> with_bare_options(["--regression", "--label", "price", "--csv", "rows.csv"])
    ['--regression=', '--label', 'price', '--csv', 'rows.csv']
    >>> with_bare_options(["--label", "kind", "--label=price", "--regression", "price"])
    ['--label', 'kind', '--label=price', '--regression', 'price']
    """
    pairs = list(zip(arguments, [*arguments, None][1:], strict=True))
    labels = {value for name, value in pairs if name == "--label"}
    labels |= {name.removeprefix("--label=") for name in arguments if name.startswith("--label=")}
    return [f"{name}=" if name in BARE and value not in labels else name for name, value in pairs]


def with_option_groups(command):
    """A command whose arguments that are dataclasses become an option a field.

    Args:
        command: function, of which some arguments are annotated with a dataclass.

    Returns:
        A function with the fields of these in place of them, as Typer wants it.

    Example:

    >>> @dataclasses.dataclass
    ... class Size:
    ...     height: int = 1
    ...     width: int = 1
    >>> @with_option_groups
    ... def area(size: Size, scale: int = 1):
    ...     return size.height * size.width * scale
    >>> area(height=2, width=3, scale=10), list(inspect.signature(area).parameters)
    (60, ['height', 'width', 'scale'])
    """
    groups, parameters = {}, []
    for parameter in inspect.signature(command).parameters.values():
        if dataclasses.is_dataclass(parameter.annotation):
            groups[parameter.name] = parameter.annotation
            fields = inspect.signature(parameter.annotation).parameters.values()
        else:
            fields = [parameter]
        parameters += [field.replace(kind=field.KEYWORD_ONLY) for field in fields]

    @functools.wraps(command)
    def run(**options):
        for name, group in groups.items():
            fields = {field.name for field in dataclasses.fields(group)} & options.keys()
            options[name] = group(**{field: options.pop(field) for field in fields})
        return command(**options)

    run.__signature__ = inspect.Signature(parameters)
    return run
