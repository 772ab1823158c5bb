"""What a page has for each input of a model: components of Gradio, and the raw value they hold."""

import json
import os

import numpy as np

from mmzoo.modalities import Audio, Features, Image, Tabular, Text, Video
from mmzoo.raw.absent import is_absent
from mmzoo.raw.cells import category
from mmzoo.raw.file_heads import format_name
from mmzoo.raw.paths import open_bytes, resolve_path
from mmzoo.raw.segments import SEPARATOR, join_segments
from mmzoo.raw.stored_bytes import StoredBytes
from mmzoo.raw.wav_bytes import wav_bytes
from mmzoo.raw.words import join_words

#: What is chosen where a cell of categories is to have none.
EMPTY = "(empty)"


class Input:
    """The components of one input.

    A subclass says which components a modality has, what raw value they stand for, and what they
    hold for the raw value of an example. Files are raw values as bytes, so that messages do not
    name the temporary file of an upload.

    Args:
        gr: the module `gradio`.
        name: the modality's key.
        modality: the modality.
        preprocessing: its `mmzoo.preprocessing.Preprocessing`, which knows what was learned.
    """

    def __init__(self, gr, name, modality, preprocessing):
        self.gr = gr
        self.name = name
        self.modality = modality
        self.preprocessing = preprocessing
        self.label = f"{name} (optional)" if modality.optional else name
        self.components = self.build()

    def build(self):
        """Makes the components, where the page has its place for them.

        Returns:
            A list.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `build`.")

    def raw(self, *values):
        """The raw value that the components hold.

        Args:
            *values: one a component, as the browser sends it, or as `held` returned it.

        Returns:
            A raw value; `None` where it is absent.

        Raises:
            ValueError: for a file that is empty.
        """
        return values[0] or None

    def held(self, value, root=None):
        """What the components hold for a raw value.

        Args:
            value: a raw value; `None` where it is absent.
            root: folder that relative paths start from, or `None`.

        Returns:
            A list, one value a component.

        Raises:
            FileNotFoundError: for a path that does not exist.
        """
        return [value]

    def file_bytes(self, value):
        """The bytes of an uploaded file; `None` where there is none."""
        path = value.get("path") if isinstance(value, dict) else value
        if not path:
            return None
        with open(path, "rb") as file:
            content = file.read()
        if not content:
            raise ValueError(f"{self.name!r}: the file is empty")
        return content

    def as_file(self, value, root):
        """The path of a file with a raw value in it, where a page may show it; `None` for none."""
        if isinstance(value, (list, tuple)):
            value = next((each for each in value if not is_absent(each)), None)
        if is_absent(value):
            return None
        file_name = self.name
        if isinstance(value, (str, os.PathLike)):
            file_name = os.path.basename(value)
            with open_bytes(resolve_path(root, value)) as file:
                value = file.read()
        elif isinstance(value, StoredBytes):
            value = value.read()
        elif isinstance(value, np.ndarray):
            value = self.encoded(value)
        if not os.path.splitext(file_name)[1]:
            file_name = f"{file_name}.{(format_name(value) or 'bin').lower()}"
        cache = self.components[0].GRADIO_CACHE
        return self.gr.processing_utils.save_bytes_to_cache(value, file_name, cache)

    def encoded(self, array):
        """The bytes of a file with what an array holds."""
        raise ValueError(f"{self.name!r}: arrays can't be examples.")


class FileInput(Input):
    """A file of any kind: what a modality from outside gets that reads files."""

    def build(self):
        return [self.gr.File(label=self.label, type="filepath")]

    def raw(self, *values):
        return self.file_bytes(values[0])

    def held(self, value, root=None):
        return [self.as_file(value, root)]


class PictureInput(FileInput):
    """A picture: a file, from the clipboard, or from the camera."""

    def build(self):
        sources = ["upload", "webcam", "clipboard"]
        image = self.gr.Image(label=self.label, type="filepath", sources=sources, height=260)
        return [image]

    def encoded(self, array):
        import tensorflow as tf

        pixels = np.clip(np.round(array), 0, 255).astype("uint8")
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        return tf.io.encode_png(pixels).numpy()


class SoundInput(FileInput):
    """A sound: a file, or recorded."""

    def build(self):
        sources = ["upload", "microphone"]
        return [self.gr.Audio(label=self.label, type="filepath", sources=sources)]

    def encoded(self, array):
        return wav_bytes(array, self.modality.sample_rate)


class PicturesInput(PictureInput):
    """Pictures in a row, in the order in which they were added."""

    def build(self):
        label = f"{self.label}: up to {self.modality.frames} pictures, in their order"
        return [
            self.gr.Gallery(
                label=label, type="filepath", file_types=["image"], interactive=True,
                columns=4, height=220,
            )
        ]  # fmt: skip

    def raw(self, *values):
        frames = [each["image"] if isinstance(each, dict) else each for each in values[0] or ()]
        return [self.file_bytes(frame) for frame in frames] or None

    def held(self, value, root=None):
        frames = [] if value is None else self.modality.parse(value)
        return [[self.as_file(frame, root) for frame in frames]]


class TextInput(Input):
    """A text, or each of its segments."""

    def build(self):
        count = self.modality.segments or 1
        labels = [f"{self.label}, part {number}" for number in range(1, count + 1)]
        return [
            self.gr.Textbox(label=label, lines=2)
            for label in (labels if count > 1 else [self.label])
        ]

    def raw(self, *values):
        texts = [text or "" for text in values]
        if not any(texts):
            return None
        return texts if len(texts) > 1 else texts[0]

    def held(self, value, root=None):
        count = len(self.components)
        value = join_words(value, self.modality.words) if self.modality.words else value
        text = join_segments(value) or ""
        text = text.decode(errors="replace") if isinstance(text, bytes) else text
        texts = text.split(SEPARATOR, count - 1) if count > 1 else [text]
        return [*texts, *[""] * (count - len(texts))]


class StringInput(Input):
    """A string: what a modality from outside gets that reads no files."""

    def build(self):
        return [self.gr.Textbox(label=self.label)]

    def held(self, value, root=None):
        return ["" if value is None else str(value)]


class VectorInput(Input):
    """Numbers, as JSON."""

    def build(self):
        shape = " x ".join("any" if size is None else str(size) for size in self.modality.shape)
        example = "[[0.1, 0.2], [0.3, 0.4]]" if len(self.modality.shape) == 2 else "[0.1, 0.2]"
        return [
            self.gr.Textbox(
                label=f"{self.label}: {shape} numbers", placeholder=f"such as {example}", lines=2
            )
        ]

    def held(self, value, root=None):
        if is_absent(value):
            return [""]
        rounded = np.vectorize(lambda x: float(f"{x:.9g}"))  # so many digits tell float32 apart
        return [json.dumps(rounded(self.modality.array(value)).tolist())]


class TableInput(Input):
    """A number or a category a column.

    Numbers are typed as texts: an empty `gradio.Number` shows 0 at first.
    """

    def build(self):
        gr, known = self.gr, self.preprocessing.vocabularies
        with gr.Accordion(self.label), gr.Row():
            numbers = [
                gr.Textbox(label=column, placeholder="number", max_lines=1, min_width=140)
                for column in self.modality.numeric
            ]
            categories = [
                gr.Dropdown(
                    [EMPTY, *known[column]], value=EMPTY, label=column, min_width=140,
                    allow_custom_value=True,
                )
                for column in self.modality.categorical
            ]  # fmt: skip
        return [*numbers, *categories]

    def raw(self, *values):
        cells = [None if cell in ("", EMPTY) else cell for cell in values]
        return dict(zip(self.modality.columns, cells, strict=True))

    def held(self, value, root=None):
        cells = [category((value or {}).get(column)) for column in self.modality.columns]
        numbers = len(self.modality.numeric)
        return [*cells[:numbers], *(cell or EMPTY for cell in cells[numbers:])]


#: Class of modalities -> what the page has for it.
INPUTS = {
    Image: PictureInput,
    Text: TextInput,
    Audio: SoundInput,
    Tabular: TableInput,
    Video: PicturesInput,
    Features: VectorInput,
}


def input_of(gr, name, modality, preprocessing):
    """The components for an input; of a modality from outside a file, or a string.

    Args:
        gr: the module `gradio`.
        name: the modality's key.
        modality: the modality.
        preprocessing: its `mmzoo.preprocessing.Preprocessing`.

    Returns:
        An `Input`.
    """
    of_class = next((INPUTS[cls] for cls in type(modality).__mro__ if cls in INPUTS), None)
    if of_class is None:
        of_class = FileInput if modality.strings_are_paths else StringInput
    return of_class(gr, name, modality, preprocessing)
