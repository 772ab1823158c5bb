"""Raw rows in any of the forms that mmzoo takes, as records."""

from mmzoo.data.records import Records


def as_records(rows, inputs):
    """Rows in any of the forms that `predict` takes, as `mmzoo.data.Records`.

    Args:
        rows: as for `predict`.
        inputs: dict from modality name to modality.

    Raises:
        ValueError: for values that no modality takes.
    """
    if isinstance(rows, Records):
        return rows
    if not isinstance(rows, dict):
        rows = list(rows)
        unknown = {key for row in rows for key in row} - set(inputs)
        if unknown:
            raise ValueError(
                f"Rows have values that the model does not take: {sorted(unknown)}. It takes: "
                f"{', '.join(inputs)}."
            )
        rows = {name: [row.get(name) for row in rows] for name in inputs}
    return Records({name: rows[name] for name in inputs if name in rows})
