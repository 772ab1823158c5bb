"""Names that are probably meant to be the same: they differ in case, or in spaces at their ends."""

import unicodedata

#: How many groups of names a message lists.
LISTED = 5


def spellings(counts):
    """The names that differ only in case, in spaces at their ends, or in how Unicode writes them.

    Args:
        counts: dict from a name to how many rows have it; those without rows do not count.

    Returns:
        A list of lists of names, the most frequent first.

    Example:

    >>> spellings({"cat": 40, "dog": 38, "Cat": 2, "cat ": 1})
    [['cat', 'Cat', 'cat ']]
    """
    groups = {}
    for name, count in counts.items():
        if count:
            key = unicodedata.normalize("NFKC", name).strip().casefold()
            groups.setdefault(key, []).append(name)
    return [
        sorted(names, key=lambda name: (-counts[name], name))
        for names in groups.values()
        if len(names) > 1
    ]


def spelling_notes(counts, what):
    """What a report or a warning says of such names.

    Args:
        counts: as for `spellings`.
        what: what the names are, such as `"labels"`.

    Returns:
        A list of strings.

    Example:

    >>> for note in spelling_notes({"cat": 40, "Cat": 2}, "labels"):
    ...     print(note)
    The labels 'cat' (40 rows) and 'Cat' (2 rows) differ only in case or in spaces at their ends.
    """
    groups = spellings(counts)
    notes = []
    for names in groups[:LISTED]:
        *first, last = [f"{name!r} ({rows(counts[name])})" for name in names]
        notes.append(
            f"The {what} {', '.join(first)} and {last} differ only in case or in spaces at their "
            "ends."
        )
    if len(groups) > LISTED:
        notes.append(f"So do {len(groups) - LISTED} more groups of {what}.")
    return notes


def rows(count):
    """A number of rows in words.

    Example:

    >>> rows(1), rows(1200)
    ('1 row', '1,200 rows')
    """
    return f"{count:,} row{'' if count == 1 else 's'}"
