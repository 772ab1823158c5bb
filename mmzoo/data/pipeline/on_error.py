"""What happens to values that can't be used."""

ON_ERROR = ("raise", "skip", "missing")


def may_fail(on_error, inputs):
    """The modalities whose values may be unusable without an error.

    Args:
        on_error: `"raise"`, `"skip"` or `"missing"`, see `Records.to_dataset`.
        inputs: dict from modality name to modality.

    Returns:
        A list of names.

    Raises:
        ValueError: for another `on_error`, or `"missing"` where no modality is optional.

    Example:

    >>> import mmzoo
    >>> inputs = {"photo": mmzoo.Image(size=8, optional=True), "other": mmzoo.Image(size=8)}
    >>> may_fail("missing", inputs), may_fail("skip", inputs)
    (['photo'], ['photo', 'other'])
    """
    optional = [name for name, modality in inputs.items() if modality.optional]
    if on_error not in ON_ERROR or (on_error == "missing" and not optional):
        raise ValueError(
            f"`on_error` must be one of {', '.join(ON_ERROR)}, 'missing' only where a modality "
            f"is optional; received: {on_error!r}, optional: {optional}."
        )
    return {"raise": [], "skip": list(inputs), "missing": optional}[on_error]
