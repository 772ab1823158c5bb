"""Options that several commands share, described once."""

import dataclasses
import functools
import inspect
from typing import Annotated

import typer

Csv = Annotated[
    str,
    typer.Option(
        "--csv",
        "--data",
        help="The rows: a CSV (with a header line), TSV, JSON-lines or Parquet file, or a folder.",
    ),
]
Root = Annotated[
    str | None, typer.Option(help="Folder that relative paths start from; the file's own.")
]
Run = Annotated[str, typer.Argument(help="Folder that `mmzoo train` made.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Rows a batch.")]
OnError = Annotated[
    str,
    typer.Option(
        help="Rows with a value that can't be read: `raise` stops there, `skip` leaves them out, "
        "`missing` takes the value as absent."
    ),
]


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
