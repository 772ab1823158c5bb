"""A long job whose result is written part by part, and goes on where it was killed."""

import json
import os
import shutil

from mmzoo.utils.atomic_files import atomic_file


class ResumableParts:
    """The parts of a file that is being made, in a folder `<output>.parts` beside it.

    Each part is written atomically, with a note of what is to be said of it at the end.
    Once joined to the output the folder goes.

    Args:
        output: the file to make.
        job: JSON-able dict of all that the content of the file depends on.

    Raises:
        FileExistsError: when the output exists, or the folder has parts of another job.
    """

    def __init__(self, output, job):
        self.output = output
        self.folder = f"{output}.parts"
        job_file = os.path.join(self.folder, "job.json")
        job = json.loads(json.dumps(job))
        if os.path.exists(job_file):
            with open(job_file, encoding="utf-8") as file:
                before = json.load(file)
            differs = [key for key in job if job[key] != before.get(key)]
            if differs:
                raise FileExistsError(
                    f"{self.folder} has parts of another run: it differs in {', '.join(differs)}. "
                    "Start that run again to finish it, delete the folder, or choose another "
                    "output."
                )
        if os.path.exists(output):
            raise FileExistsError(f"{output} exists. Choose another file.")
        os.makedirs(self.folder, exist_ok=True)
        with atomic_file(job_file) as file:
            file.write(json.dumps(job, ensure_ascii=False, indent=1).encode())

    def path(self, number):
        """Where a part is, or will be."""
        return os.path.join(self.folder, f"{number:06d}")

    def note(self, number):
        """The note of a part, `None` while there is no such part."""
        if not os.path.exists(self.path(number)):
            return None
        with open(f"{self.path(number)}.json", encoding="utf-8") as file:
            return json.load(file)

    def write(self, number, content, note):
        """Writes a part.

        Args:
            number: counted from 0.
            content: bytes.
            note: JSON-able dict.
        """
        for path, written in (
            (f"{self.path(number)}.json", json.dumps(note, ensure_ascii=False).encode()),
            (self.path(number), content),  # last: where it is, its note is
        ):
            with atomic_file(path) as file:
                file.write(written)

    def finish(self, join, count):
        """Makes the output of the parts, atomically, and removes them.

        Args:
            join: function from a list of paths and a file, open for bytes, that fills the file.
            count: number of parts.
        """
        with atomic_file(self.output) as file:
            join([self.path(number) for number in range(count)], file)
        self.discard()

    def discard(self):
        """Removes the parts."""
        shutil.rmtree(self.folder)
