"""Maps drawn over what they are about: pictures, words, spectrograms, bars."""

import base64
import dataclasses
import io

import numpy as np

from mmzoo.evaluation.pictures import BLUE, FAINT, INK, ORANGE, name_style, new_figure, save_figure
from mmzoo.raw.absent import is_absent
from mmzoo.utils.optional_packages import require

#: Even to the eye: from blue, against, over white to red, for; and from dark to bright.
SIGNED, UNSIGNED = "coolwarm", "viridis"
#: A picture is shown with at most so many pixels a side.
MOST_PIXELS = 512
MOST_BARS = 24


class RowPictures:
    """Draws one row: what it holds, and over it what a map says of each part.

    A subclass has `values`, `elements`, `signed`, `records`, `preprocessor` and `heading(row)`.
    """

    def plot(self, row=0, path=None):
        """Draws the maps of one row, a modality below the other.

        A picture is shown as it was sent, and beside it in gray under its map; a text in coloured
        words; a sound as its spectrogram, and below it the map; cells and features as bars. The
        pixels of maps are averaged over a 25th of the picture's side for the eye; colours reach to
        the largest value of each modality.

        Args:
            row: number of the row.
            path: where to save the picture (`.png`, `.svg`, `.pdf`), or `None`.

        Returns:
            The `matplotlib.figure.Figure`.

        Raises:
            IndexError: where there is no such row.
            ImportError: when Matplotlib is missing: `pip install "mmzoo[report]"`.
        """
        if not 0 <= row < len(self):
            raise IndexError(f"There is no row {row}: there are {len(self)}, from 0 on.")
        names = [*self.values]
        drawn = [_Panel(self, name, row) for name in names]
        figure = new_figure(8.0, 0.5 + sum(panel.height for panel in drawn))
        parts = figure.subfigures(
            len(drawn), 1, squeeze=False, height_ratios=[panel.height for panel in drawn]
        )
        for panel, (part,) in zip(drawn, parts, strict=True):
            panel.draw(part)
        figure.suptitle(self.heading(row), color=INK, **name_style())
        if path is not None:
            save_figure(figure, path)
        return figure

    def png(self, row=0):
        """The picture of `plot` as the bytes of a PNG file.

        Args:
            row: number of the row.

        Returns:
            bytes.
        """
        file = io.BytesIO()
        figure = self.plot(row)
        figure.savefig(file, format="png", dpi=110)
        return file.getvalue()

    def data_uri(self, row=0):
        """The picture of `plot` as a data URI, for the `src` of an HTML page's `<img>`.

        Args:
            row: number of the row.

        Returns:
            `"data:image/png;base64,..."`.
        """
        return "data:image/png;base64," + base64.b64encode(self.png(row)).decode()


class _Panel:
    """The part of a figure that is about one modality."""

    def __init__(self, maps, name, row):
        self.name, self.signed = name, maps.signed
        self.part = maps.preprocessor.preprocessings[name]
        self.value = maps.records.column(name)[row]
        self.root = maps.records.root
        self.array = np.asarray(maps.values[name][row], "float64")
        self.elements = maps.elements[name][row]
        self.kind = self.part.modality.kind
        self.absent = is_absent(self.value)
        heights = {"image": 3.2, "video": 2.2, "text": 1.3, "audio": 3.4}
        bars = 0.7 + 0.27 * min(max(self.array.size, 1), MOST_BARS)
        self.height = 0.6 if self.absent else heights.get(self.kind, min(bars, 5.5))

    @property
    def largest(self):
        return float(np.abs(self.array).max(initial=0.0)) or 1.0

    def draw(self, figure):
        if self.absent or not self.array.size:
            self._note(figure, "absent" if self.absent else "nothing")
        elif self.kind == "image" and self.array.ndim == 2:
            self._picture(figure)
        elif self.kind == "video" and self.array.ndim == 3:
            self._frames(figure)
        elif self.kind == "text" and self.elements.names is not None:
            self._words(figure)
        elif self.kind == "audio":
            self._sound(figure)
        elif self.array.ndim == 1:
            self._bars(figure)
        else:
            ax = figure.subplots()
            self._legend(figure, ax, self._map(ax, self.array.T, aspect="auto"))
            self._title(ax)

    def _title(self, ax, text=None):
        ax.set_title(text or self.name, loc="left", fontsize=10, color=INK, **name_style())

    def _note(self, figure, text):
        ax = figure.subplots()
        ax.axis("off")
        self._title(ax, f"{self.name}: {text}")

    def _colours(self):
        """`(colour map, lowest, highest)`."""
        if self.signed:
            return SIGNED, -self.largest, self.largest
        return UNSIGNED, 0.0, self.largest

    def _map(self, ax, array, **options):
        colours, low, high = self._colours()
        return ax.imshow(array, cmap=colours, vmin=low, vmax=high, **options)

    def _legend(self, figure, ax, drawn):
        bar = figure.colorbar(drawn, ax=ax, shrink=0.85)
        bar.outline.set_visible(False)
        bar.set_label("against        for" if self.signed else "how much", color=FAINT)
        if not self.signed:
            bar.ax.tick_params(labelsize=8)

    def _picture(self, figure):
        pixels, matrix = as_sent(self.part, self.value, self.root)
        left, right = figure.subplots(1, 2)
        left.imshow(pixels, cmap="gray", vmin=0, vmax=255)
        self._over(right, pixels, self.array, matrix)
        self._legend(figure, right, self._drawn)
        self._title(left)
        for ax in (left, right):
            ax.set(xticks=[], yticks=[], xlim=(0, pixels.shape[1]), ylim=(pixels.shape[0], 0))

    def _over(self, ax, pixels, array, matrix):
        """A gray picture under a map, whose places `matrix` takes from the picture's."""
        transforms = require("matplotlib.transforms", extra="report")
        height, width = pixels.shape[:2]
        gray = pixels if pixels.ndim == 2 else pixels @ [0.299, 0.587, 0.114]
        ax.imshow(255 - (255 - gray) / 2, cmap="gray", vmin=0, vmax=255,
                  extent=(0, width, height, 0))  # fmt: skip
        array = _smoothed(array)
        self.array = array  # the legend says what is drawn
        rows, columns = self.part.modality.size
        self._drawn = self._map(
            ax, array, extent=(0, columns, rows, 0), alpha=0.25 + 0.6 * abs(array) / self.largest,
            interpolation="nearest",
        )  # fmt: skip
        back = transforms.Affine2D(np.vstack([matrix, [0, 0, 1]])).inverted()
        self._drawn.set_transform(back + ax.transData)

    def _frames(self, figure):
        frames = self.part.modality.parse(self.value)
        shown = min(len(frames), len(self.array), 8)
        pixels = [decoded(self.part.modality.picture, frame, self.root) for frame in frames]
        axes = figure.subplots(1, shown, squeeze=False)[0]
        scale = self.largest
        for ax, picture, array in zip(axes, pixels, self.array, strict=False):
            gray = picture.reshape(*picture.shape[:2], -1).mean(axis=-1)
            ax.imshow(255 - (255 - gray) / 2, cmap="gray", vmin=0, vmax=255)
            colours, low, high = self._colours()
            array = _smoothed(array)
            drawn = ax.imshow(array, cmap=colours, vmin=low, vmax=high,
                              alpha=0.25 + 0.6 * np.minimum(abs(array) / scale, 1))  # fmt: skip
            ax.set(xticks=[], yticks=[])
        self._title(axes[0])
        self._legend(figure, list(axes), drawn)

    def _words(self, figure):
        ax = figure.subplots()
        ax.axis("off")
        self._title(ax)
        maps = require("matplotlib", extra="report").colormaps
        colours, low, high = self._colours()
        x, y, width = 0.0, 0.8, 72
        for word, share in zip(self.elements.names, self.array, strict=True):
            shown = word.replace("##", "").replace("\u0120", " ").replace("\u2581", " ").strip()
            shown = shown or word
            if x + len(shown) > width:
                x, y = 0.0, y - 0.32
            red, green, blue, _ = maps[colours]((share - low) / (high - low))
            ink = INK if red * 0.3 + green * 0.6 + blue * 0.1 > 0.55 else "white"
            ax.text(
                x / width, y, shown, transform=ax.transAxes, fontsize=11, va="top", color=ink,
                bbox={"facecolor": (red, green, blue), "edgecolor": "none", "pad": 2},
                **name_style(),
            )  # fmt: skip
            x += len(shown) + 2
        cm = require("matplotlib.cm", extra="report")
        normed = require("matplotlib.colors", extra="report").Normalize(low, high)
        self._legend(figure, ax, cm.ScalarMappable(normed, colours))

    def _sound(self, figure):
        samples = waveform(self.part, self.value, self.root)
        rate, seconds = self.part.modality.sample_rate, self.elements.seconds
        above, below = figure.subplots(2, 1, sharex=True)
        window = max(16, rate // 40)
        above.specgram(samples + 1e-9, NFFT=window, Fs=rate, noverlap=window // 2, cmap="gray_r")
        above.set_ylabel("Hz", fontsize=8)
        self._title(above)
        if self.array.ndim == 2:
            extent = (0, float(seconds[-1]), 0, self.array.shape[1])
            drawn = self._map(below, self.array.T, origin="lower", aspect="auto", extent=extent)
            self._legend(figure, [above, below], drawn)
            below.set_ylabel("mel band", fontsize=8)
        else:
            middles = (seconds[1:] + seconds[:-1]) / 2
            colours = [ORANGE if x < 0 else BLUE for x in self.array]
            below.bar(middles[: len(self.array)], self.array, np.diff(seconds)[: len(self.array)],
                      color=colours)  # fmt: skip
            below.axhline(0, color=FAINT, linewidth=0.8)
        below.set_xlabel("seconds", fontsize=8)
        below.set_xlim(0, float(seconds[-1]) or 1.0)

    def _bars(self, figure):
        ax = figure.subplots()
        names = self.elements.names or [str(i) for i in range(self.array.size)]
        if self.elements.cells is not None:
            names = [f"{name} = {cell}" for name, cell in
                     zip(names, self.elements.cells, strict=True)]  # fmt: skip
        order = np.argsort(-abs(self.array), kind="stable")[:MOST_BARS][::-1]
        shares = self.array[order]
        colours = [BLUE if x >= 0 else ORANGE for x in shares]
        ax.barh([names[i][:40] for i in order], shares, height=0.6, color=colours)
        ax.axvline(0, color=FAINT, linewidth=0.8)
        for label in ax.get_yticklabels():
            label.set(**name_style())
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        left_out = self.array.size - len(order)
        self._title(ax, self.name + (f" ({left_out} smaller left out)" if left_out else ""))


def _smoothed(array):
    """Every pixel as the mean of those around it, within a 25th of the shorter side."""
    side = min(array.shape) // 25 | 1
    for axis in (0, 1):
        around = [(0, 0), (0, 0)]
        around[axis] = (side // 2, side // 2)
        padded = np.pad(array, around, mode="edge")
        array = np.lib.stride_tricks.sliding_window_view(padded, side, axis=axis).mean(axis=-1)
    return array


def as_sent(part, value, root):
    """A picture as it was sent, no larger than `MOST_PIXELS`, and how the model's lies in it.

    Args:
        part: the `Preprocessing` of the picture.
        value: the raw value.
        root: folder that relative paths start from, or `None`.

    Returns:
        `(pixels, matrix)`: `(height, width, 3)` or `(height, width)` uint8, and the `(2, 3)` matrix
        that takes `(x, y, 1)` in it to `(x, y)` in the model's picture.
    """
    from mmzoo.modalities.image import Image

    modality = part.modality
    placement = _placement(modality, value, root)
    sent, matrix = placement[:2], placement[2:].reshape(2, 3)
    turned = abs(matrix[0, 0]) < abs(matrix[0, 1])  # by a quarter: shown upright
    upright = sent[::-1] if turned else sent
    size = np.maximum(np.round(upright * min(1.0, MOST_PIXELS / max(upright))), 1).astype(int)
    shown = Image(tuple(size.tolist()), modality.channels, max_pixels=modality.max_pixels)
    own = _placement(shown, value, root)[2:].reshape(2, 3)
    # From what is shown to what was sent, and on to what the model sees.
    back = np.linalg.inv(np.vstack([own, [0, 0, 1]]))
    return decoded(shown, value, root), (np.vstack([matrix, [0, 0, 1]]) @ back)[:2]


def _placement(modality, value, root):
    part = _always_there(modality)
    part.gives_placement = True
    return np.asarray(_element(part, value, root)[-1])


def decoded(modality, value, root):
    """The pixels of a picture as a `mmzoo.Image` decodes it, without a third axis if gray."""
    pixels = np.asarray(_element(_always_there(modality), value, root))
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def waveform(part, value, root):
    """The samples of a sound as a `mmzoo.Audio` decodes it, without padding."""
    samples, length = _element(_always_there(part.modality), value, root)
    return np.asarray(samples)[: int(length)]


def _always_there(modality):
    """The `Preprocessing` of a modality whose values are not absent."""
    return dataclasses.replace(modality, optional=False).preprocessing("value")


def _element(part, value, root):
    import tensorflow as tf

    column, read = part.column([value], root)
    return part.element(read(tf.nest.map_structure(lambda values: values[0], column)))
