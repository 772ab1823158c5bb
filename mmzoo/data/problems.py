"""What is wrong with raw values, as far as it shows without reading a file."""

from typing import NamedTuple

from mmzoo.raw.paths import exists, resolve_path, shown_path


class RawProblem(NamedTuple):
    """A value that can't be used.

    Args:
        row: its position.
        kind: `"absent"`, `"invalid"` or `"missing file"`.
        error: the exception that says so.
    """

    row: int
    kind: str
    error: Exception


def raw_problems(name, modality, records):
    """The values of a column that can't be used, by what shows without reading a file.

    Args:
        name: modality name.
        modality: its modality.
        records: `mmzoo.data.Records`.

    Returns:
        A list of `RawProblem`, in the order of the rows; at most one a row.

    Raises:
        ValueError: when there is no such column, or something is wrong with all of it.

    Example:

    >>> import mmzoo
    >>> records = mmzoo.data.from_arrays({"text": ["a cat", None, 3]})
    >>> text = mmzoo.Text(length=4, vocabulary_size=10)
    >>> [(problem.row, problem.kind) for problem in raw_problems("text", text, records)]
    [(1, 'absent'), (2, 'invalid')]
    """
    values = records.column(name)
    problems = {}
    if not modality.optional:
        for row, value in enumerate(values):
            if value is None:
                problems[row] = RawProblem(row, "absent", _absent(name, records.describe(row)))
    for problem in _invalid(name, modality, values, records.describe):
        problems.setdefault(problem.row, problem)
    for row, value in enumerate(values):
        if value is None or row in problems:
            continue
        files = [resolve_path(records.root, path) for path in modality.paths(value)]
        missing = next((path for path in files if not exists(path)), None)
        if missing is not None:
            where = f"{records.describe(row)}: {name!r}"
            error = FileNotFoundError(f"{where}: no such file: {shown_path(missing)}")
            problems[row] = RawProblem(row, "missing file", error)
    return [problems[row] for row in sorted(problems)]


def _absent(name, where):
    return ValueError(f"{where}: {name!r} has no value, and is not optional.")


def _invalid(name, modality, values, describe):
    """The values that the modality itself objects to."""
    try:
        modality.check_values(name, values, describe)
        return
    except (TypeError, ValueError) as error:
        of_the_whole = error
    found = False
    for row, value in enumerate(values):
        try:
            modality.check_values(name, [value], lambda _, row=row: describe(row))
        except (TypeError, ValueError) as error:
            found = True
            yield RawProblem(row, "invalid", error)
    if not found:
        raise of_the_whole
