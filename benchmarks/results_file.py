"""Results files: `{"environment": {...}, "results": [{...}]}`, one flat record a measurement."""

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform

FOLDER = pathlib.Path(__file__).parent / "results"
PACKAGES = ("mmzoo", "keras", "tensorflow", "numpy", "torch", "jax")


def environment():
    """Versions and facts of the machine."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        **versions,
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": cores(),
        "date": datetime.date.today().isoformat(),
    }


def cores():
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _processor():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "")


def read(name, folder=FOLDER):
    """The records of `NAME.json`, none where there is no such file."""
    path = pathlib.Path(folder) / f"{name}.json"
    return json.loads(path.read_text())["results"] if path.exists() else []


def keep(name, found, keys, folder=FOLDER):
    """Writes a record in the place of an older one of the same, and prints it.

    Args:
        name: as for `read`.
        found: the record.
        keys: names of what tells which measurement it is; one may be missing in a record.
        folder: where the results file is.
    """
    print(found, flush=True)
    others = [r for r in read(name, folder) if any(r.get(key) != found.get(key) for key in keys)]
    write(name, [*others, found], folder)


def write(name, results, folder=FOLDER):
    """Writes `NAME.json`, atomically."""
    path = pathlib.Path(folder) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    content = {"environment": environment(), "results": results}
    temporary.write_text(json.dumps(content, indent=1) + "\n")
    temporary.replace(path)
