"""ServedModel: the versions of a model, of which new ones are loaded and old ones unloaded."""

import asyncio
import dataclasses
import gc
import logging
import os

from mmzoo.serving.errors import RequestError
from mmzoo.serving.model_folder import is_savedmodel, versions_in

#: Seconds between two looks at whether an old version is still asked.
UNLOADING_STEP = 0.05


@dataclasses.dataclass
class _Status:
    """What became of a version, in the words of TensorFlow Serving.

    Args:
        state: `LOADING`, `AVAILABLE`, `UNLOADING` or `END`.
        error: why it could not be loaded, or `""`.
        files: what was in its folder when it could not, so that another try waits for a change.
    """

    state: str
    error: str = ""
    files: tuple = ()


class ServedModel:
    """A model of which one or several versions are served.

    A new version is loaded and warmed up while the old one goes on answering. What was asked of the
    old one is still answered by it; then it is unloaded. If the new one can't be loaded, the old
    one stays. The last one also stays when its folder is gone.

    Args:
        path: folder of a SavedModel, or one with a subfolder a version; see `versions_in`.
        name: of the model, in URLs.
        load: function from the number and the folder of a version to a `ModelVersion`.
        versions: `"latest"`, `"all"`, or the numbers to serve.
        labels: dict from a label to the number that it stands for.
        log: function that is called with a line on what happened.

    Raises:
        FileNotFoundError: when there is no such folder.
        ValueError: when there is no SavedModel in it, or not each version that was asked for.
    """

    def __init__(self, path, name, load, versions="latest", labels=None, log=print):
        self.path = os.path.abspath(os.fspath(path))
        self.name = name
        self.labels = dict(labels or {})
        self._load = load
        self._versions = versions
        self._log = log
        self._loaded = {}
        self._statuses = {}
        self._unloading = set()
        there = versions_in(self.path)
        for number in [] if isinstance(versions, str) else versions:
            if number not in there:
                raise ValueError(_no_version(self.path, number, there))
        for label, number in self.labels.items():
            if number not in self._wanted():
                raise ValueError(
                    f"The label {label!r} is for version {number}, which is not served. Served: "
                    f"{', '.join(map(str, self._wanted()))}."
                )

    def load(self):
        """Loads all versions that are wanted, before anything is served.

        Raises:
            ImportError: when a model needs a package that is not installed.
            ValueError: when a version can't be loaded.
        """
        for number, folder in self._wanted().items():
            self._loaded[number] = self._load(number, folder)
            self._statuses[number] = _Status("AVAILABLE")

    @property
    def versions(self):
        """The versions that answer, `ModelVersion`s, by number."""
        return dict(sorted(self._loaded.items()))

    @property
    def waiting_rows(self):
        """How many rows wait to be computed."""
        return sum(version.waiting_rows for version in self._loaded.values())

    def get(self, number=None, label=None):
        """The version that answers a request.

        Args:
            number: its number; `None`: the newest.
            label: its label, instead of a number.

        Raises:
            RequestError: when there is none.
        """
        if label is not None:
            if label not in self.labels:
                known = ", ".join(self.labels) or "none"
                raise RequestError(
                    400, f"Unrecognized servable version label: {label}. Known: {known}."
                )
            number = self.labels[label]
        if number is None:
            if not self._loaded:
                raise RequestError(404, f"Servable not found for request: Latest({self.name})")
            number = max(self._loaded)
        if number not in self._loaded:
            served = ", ".join(map(str, self.versions))
            raise RequestError(
                404,
                f"Servable not found for request: Specific({self.name}, {number}). Versions that "
                f"are served: {served}.",
            )
        return self._loaded[number]

    def statuses(self, number=None, label=None):
        """Versions that were ever wanted, in the JSON form of TensorFlow Serving.

        Raises:
            RequestError: when there is no such version.
        """
        if label is not None:
            number = self.get(label=label).number
        if number is not None and number not in self._statuses:
            raise RequestError(404, f"Could not find version {number} of model {self.name}")
        return [
            {
                "version": str(key),
                "state": status.state,
                "status": {
                    "error_code": "UNKNOWN" if status.error else "OK",
                    "error_message": status.error,
                },
            }
            for key, status in sorted(self._statuses.items(), reverse=True)
            if number in (None, key)
        ]

    async def watch(self, seconds):
        """Looks for new versions again and again, until it is cancelled."""
        while not is_savedmodel(self.path):  # which has no other versions
            await asyncio.sleep(seconds)
            try:
                await self.update()
            except Exception as error:  # one that ended the watching would never be seen
                log = logging.getLogger("uvicorn.error")
                log.error("The folder of versions can't be looked at", exc_info=error)

    async def update(self):
        """Loads versions that are new, and unloads those that are no longer wanted."""
        try:
            wanted = self._wanted()
        except (OSError, ValueError):  # gone, or about to be replaced: what is loaded stays
            return
        for number, folder in wanted.items():
            if number not in self._loaded:
                await self._add(number, folder)
        if not wanted.keys() & self._loaded.keys():
            return
        for number in self._loaded.keys() - wanted.keys() - {*self.labels.values()}:
            task = asyncio.create_task(self._remove(number))
            self._unloading.add(task)
            task.add_done_callback(self._unloading.discard)

    def _wanted(self):
        there = versions_in(self.path)
        if self._versions == "latest":
            newest = max(there)
            return {newest: there[newest]}
        if self._versions == "all":
            return there
        return {number: there[number] for number in self._versions if number in there}

    async def _add(self, number, folder):
        files = _files(folder)
        before = self._statuses.get(number)
        if before is not None and before.error and before.files == files:
            return  # it would fail again
        self._statuses[number] = _Status("LOADING")
        try:
            loaded = await asyncio.to_thread(self._load, number, folder)
        except Exception as error:
            self._statuses[number] = _Status("END", str(error), files)
            served = ", ".join(map(str, self.versions))
            self._log(f"Version {number} is not served: {error} Still served: {served}.")
            return
        self._loaded[number] = loaded
        self._statuses[number] = _Status("AVAILABLE")
        self._log(f"Version {number} is served.")

    async def _remove(self, number):
        version = self._loaded.pop(number)
        self._statuses[number] = _Status("UNLOADING")
        while version.requests:
            await asyncio.sleep(UNLOADING_STEP)
        del version
        await asyncio.to_thread(gc.collect)  # a loaded model refers to itself
        if number in self._loaded:  # wanted again meanwhile
            return
        self._statuses[number] = _Status("END")
        self._log(f"Version {number} is no longer served.")


def _files(folder):
    """Names, sizes and times of all files of a folder."""
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                facts = os.stat(os.path.join(parent, name))
            except OSError:  # replaced just now
                continue
            found.append((parent, name, facts.st_size, facts.st_mtime_ns))
    return tuple(sorted(found))


def _no_version(path, number, there):
    return f"{path} has no version {number}. It has: {', '.join(map(str, there))}."
