"""What `mmzoo.calibrate` found, in words."""

import numpy as np


def calibration_summary(found):
    """What `mmzoo.calibrate` found, in words.

    Args:
        found: what it returned, of one answer.

    Returns:
        A string, without a full stop.

    Example:

    >>> figures = {"expected_calibration_error": {"before": 0.08, "after": 0.01},
    ...            "log_loss": {"before": 0.5, "after": 0.4}}
    >>> calibration_summary({"rows": 800, "temperature": 1.5, **figures}).partition(", log")[0]
    'on 800 validation rows: temperature 1.5, expected calibration error from 0.08 to 0.01'
    >>> intervals = {"alpha": 0.1, "method": "conformal", "half_width": 2.5}
    >>> calibration_summary({"rows": 800, "intervals": intervals}).partition(": ")[2]
    'the answer ± 2.5 holds the right number in 0.9 of rows (split conformal)'
    """
    said = []
    if "temperature" in found:
        said.append(f"{_temperature(found['temperature'])}, {_changes(found)}")
    if "isotonic" in found:
        said.append(f"isotonic regression, {_changes(found)}")
    if "label_sets" in found:
        sets = found["label_sets"]
        said.append(
            f"label sets, of all classes with a probability from {sets['least_probability']:.4g} "
            f"on, hold the right class in {1 - sets['alpha']:.4g} of rows"
        )
    if "abstaining" in found:
        said.append(_abstaining(found["abstaining"]))
    if "intervals" in found:
        said.append(_intervals(found["intervals"]))
    return f"on {found['rows']:,} validation rows: {'; '.join(said)}"


def _temperature(temperature):
    if not isinstance(temperature, dict):
        return f"temperature {temperature:.4g}"
    lowest, highest = min(temperature.values()), max(temperature.values())
    return f"temperatures of {lowest:.4g} to {highest:.4g}"


def _changes(found):
    return ", ".join(
        f"{name.replace('_', ' ')} from {found[name]['before']:.4g} to {found[name]['after']:.4g}"
        for name in ("expected_calibration_error", "log_loss", "accuracy")
        if name in found
    )


def _abstaining(abstaining):
    return (
        "abstains below a probability of {threshold:.4g}: answers {coverage:.4g} of rows, and "
        "{accuracy:.4g} of these rightly ({wanted:.4g} wanted)".format(**abstaining)
    )


def _intervals(intervals):
    several = isinstance(intervals.get("factor", intervals.get("half_width")), list)
    name = "factor" if "factor" in intervals else "half_width"
    width = ", ".join(f"{number:.4g}" for number in np.reshape(intervals[name], -1))
    place = (
        f"the answer ± {width}" if name == "half_width" else f"the answer over and times {width}"
    )
    method = {"conformal": "split conformal", "gaussian": "of normally distributed errors"}
    return (
        f"{place}{', an output each,' if several else ''} holds the right number in "
        f"{1 - intervals['alpha']:.4g} of rows ({method[intervals['method']]})"
    )
