"""What messages say of rows that can't be used."""

from mmzoo.data.problems import raw_problems
from mmzoo.raw.paths import describe_value, exists, resolve_path, shown_path

#: How many rows a message lists.
LISTED = 5


def check_usable(records, inputs):
    """Raises for the first input with values that can't be used; see `Records.check`.

    Args:
        records: `mmzoo.data.Records`.
        inputs: dict from modality name to modality.
    """
    for name, modality in inputs.items():
        problems = raw_problems(name, modality, records)
        rows_of = {kind: [] for kind in ("absent", "invalid", "missing file")}
        for problem in problems:
            rows_of[problem.kind].append(problem.row)
        if rows_of["absent"]:
            raise ValueError(
                f"{name!r} is not optional, but has no value in "
                f"{listed(records, rows_of['absent'])}. Leave these rows out, or make it "
                f"optional: {type(modality).__name__}(..., optional=True)."
            )
        if rows_of["invalid"]:
            raise next(problem.error for problem in problems if problem.kind == "invalid")
        if missing := rows_of["missing file"]:
            value = records.column(name)[missing[0]]
            files = [resolve_path(records.root, path) for path in modality.paths(value)]
            path = next(path for path in files if not exists(path))
            raise FileNotFoundError(
                f"{name!r}: no such file: {shown_path(path)} (and {len(missing) - 1} more), in "
                f"{listed(records, missing)}. Relative paths start from root={records.root!r}."
            )


def listed(records, rows):
    """What a message calls some rows, the first few of them.

    Args:
        records: `mmzoo.data.Records`.
        rows: sequence of positions.

    Returns:
        A string.

    Example:

    >>> import mmzoo
    >>> listed(mmzoo.data.from_arrays({"text": ["a"] * 9}), range(7))
    'row 0, row 1, row 2, row 3, row 4 and 2 more'
    """
    return listed_rows(records.describe, rows)


def listed_rows(describe, rows):
    """As `listed`, by a function from a position to how a message should call that row."""
    more = f" and {len(rows) - LISTED} more" if len(rows) > LISTED else ""
    return ", ".join(describe(int(row)) for row in rows[:LISTED]) + more


def describe_rows(records, name, rows, part=None):
    """What a message calls some rows, with the files a column has there.

    Args:
        records: `mmzoo.data.Records`.
        name: modality name.
        rows: sequence of positions.
        part: the `mmzoo.preprocessing.Preprocessing` that could not read them, which says why;
            `None`: their files alone.

    Returns:
        A string; of many rows, the first few.
    """
    values, rows = records.column(name), [int(row) for row in rows[:LISTED]]
    fault = describe_value if part is None else lambda value: part.fault(value, records.root)
    files = "; ".join(records.describe(row) + fault(values[row]) for row in rows)
    if part is None:
        return files
    reasons = {row: part.reason(values[row], records.root) for row in rows}
    if len(set(reasons.values())) == 1:
        return f"{files}: {reasons[rows[0]]}"
    reasons = [f"{records.describe(row)}: {reason}" for row, reason in reasons.items()]
    return f"{files} - {'; '.join(reasons)}"


def unreadable_message(records, name, rows, part=None):
    """How many rows have no readable value of a modality, which, and why.

    Args:
        records: `mmzoo.data.Records`.
        name: modality name.
        rows: sequence of positions.
        part: as in `describe_rows`.

    Returns:
        A string.
    """
    of_rows = describe_rows(records, name, rows, part)
    return f"No readable {name} in {len(rows)} of {len(records)} rows: {of_rows}"
