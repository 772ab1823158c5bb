"""The rows of a file that can be used."""


def readable_records(records, inputs, on_error, preprocessor=None, verbose=True, head=None):
    """The records that `on_error` leaves, see `validated_records`."""
    return validated_records(records, inputs, on_error, preprocessor, verbose, head)[0]


def validated_records(records, inputs, on_error, preprocessor=None, verbose=True, head=None):
    """The records that `on_error` leaves, after every file was read once; says what was wrong.

    Args:
        records: `mmzoo.data.Records`.
        inputs: dict from modality name to modality.
        on_error: as in `Records.to_dataset`.
        preprocessor: as in `Records.validate`.
        verbose: whether to say what was found.
        head: as in `Records.validate`.

    Returns:
        `(usable, report)`: `Records`, and the validation report of all of them.

    Raises:
        ValueError: see `ValidationReport.usable_records`.
    """
    from mmzoo.data.pipeline.on_error import may_fail

    may_fail(on_error, inputs)  # a mistake is rather known before
    if verbose:
        print(f"{records}: reading every file once ...", flush=True)
    report = records.validate(inputs, preprocessor, head=head)
    for note in report.notes if verbose else ():
        print(note)
    usable = report.usable_records(on_error)
    if verbose and not report.ok:
        action = "left out" if on_error == "skip" else "taken as absent"
        for message in report.unreadable_messages():
            print(f"{message}: {action}.")
    return usable, report
