"""The rows that a page shows, each with its values, its label and its answer."""

import io

import numpy as np

from mmzoo.evaluation.figure_text import figure_text
from mmzoo.evaluation.html.shown_values import open_picture, picture_source, shown_value
from mmzoo.modalities import Image
from mmzoo.utils.optional_packages import require

#: Colours of what is right and of what was answered, in places of a picture.
TRUTH, ANSWER = (46, 134, 222), (255, 140, 0)
#: A text with tags has at most so many words, a label or answer so many characters.
WORDS, LONGEST = 400, 1_000
#: What a row costs besides its values, in bytes.
ROUGHLY = 2_000


class RowCards:
    """Makes the cards of rows, each once.

    Args:
        records: the `mmzoo.data.Records`.
        inputs: dict from the name of an input to its modality.
        judged: dict from the name of an answer to a `JudgedAnswer`.
        errors: what is wrong with each row, or `None`.
        contributions: dict from the name of an answer to `mmzoo.evaluation.Contributions`.
        overlays: dict from the position of a row to a list of `(picture, caption)`.
    """

    def __init__(self, records, inputs, judged, errors, contributions, overlays):
        self.records, self.inputs, self.judged, self.errors = records, inputs, judged, errors
        self.contributions, self.overlays = contributions, overlays
        self._made = {}

    def within(self, rows, budget):
        """The cards of the first of these rows that fit.

        Args:
            rows: positions.
            budget: bytes.

        Returns:
            List of dicts.
        """
        cards = []
        for row in rows:
            card, size = self._made.get(row) or self._made.setdefault(row, self._card(row))
            budget -= size
            if budget < 0:
                break
            cards.append(card)
        return cards

    def _card(self, row):
        answers = [self._answer(name, row) for name in self.judged]
        values = [self._value(name, row) for name in self.inputs]
        overlays = [{"source": _source(picture), "caption": caption}
                    for picture, caption in self.overlays.get(row, ())]  # fmt: skip
        keys = [f"{name}:{key}" for name, answer in self.judged.items()
                for key in answer.rows[row].keys]  # fmt: skip
        card = {
            "row": row,
            "where": self.records.describe(row),
            "error": self.errors[row],
            "values": values,
            "overlays": overlays,
            "answers": answers,
            "keys": keys,
        }
        parts = [text for shown in (*values, *overlays, *(p for a in answers for p in a["places"]))
                 for text in shown.values() if isinstance(text, str)]  # fmt: skip
        return card, ROUGHLY + sum(len(text.encode(errors="replace")) for text in parts)

    def _value(self, name, row):
        value = self.records.column(name)[row] if name in self.records.columns else None
        places = [answer for answer in self.judged.values() if answer.target.picture == name]
        shown = shown_value(self.inputs[name], value, self.records.root, upright=not places)
        shown = {"note": None, **shown, "name": name, "boxes": []}
        if shown["kind"] == "picture":
            for answer in places:
                shown["boxes"] += _boxes(answer.rows[row].boxes, shown["full_size"])
        shown.pop("image", None)
        return shown

    def _answer(self, name, row):
        judged = self.judged[name]
        compared = judged.rows[row]
        words = [{"word": word[:100], "truth": truth, "answer": answer, "wrong": truth != answer}
                 for word, truth, answer in compared.words[:WORDS]]  # fmt: skip
        return {
            "name": None if name == "head" else name,
            "truth": _cut(compared.truth),
            "answer": _cut(compared.answer),
            "right": compared.right,
            "loss": None if compared.loss is None else figure_text(compared.loss),
            "loss_name": judged.target.loss_name,
            "scores": [(name[:200], f"{share:.1%}", share) for name, share in compared.scores[:3]],
            "words": words,
            "words_hidden": max(0, len(compared.words) - WORDS),
            "plain": not compared.words and not compared.masks,
            "places": self._masks(judged.target, compared, row),
            "shares": self._shares(name, row),
        }

    def _masks(self, target, compared, row):
        """The picture, with the mask that is right, and with the one that was answered."""
        value = self.records.column(target.picture)[row] if compared.masks else None
        if value is None:
            return []
        try:
            image, _ = open_picture(value, self.records.root, upright=False)
        except Exception:  # the card says already that it can't be read
            return []
        image.thumbnail((240, 240))
        shown = []
        for who, color, caption in (("truth", TRUTH, "label"), ("answer", ANSWER, "answer")):
            if who in compared.masks:
                source = picture_source(_tinted(image, compared.masks[who], color))
                shown.append({"source": source, "caption": caption})
        return shown

    def _shares(self, name, row):
        """What each input did for the likeliest answer of a row."""
        found = self.contributions.get(name)
        if found is None or found.predictions is None:
            return []
        if len(found.predictions) != len(self.records):
            return []
        shares = np.asarray(found.predictions[row])
        judged = self.judged[name]
        output = 0
        if judged.said_at is not None and shares.shape[1] > 1:
            output = int(np.nan_to_num(judged.said_at[2][row]).argmax())
        largest = np.abs(shares[:, output]).max() or 1
        form = "+,.0f" if largest >= 1000 else "+.3f"
        return [
            {"name": modality, "share": f"{share:{form}}", "positive": bool(share >= 0),
             "width": round(float(abs(share) / largest), 3)}
            for modality, share in zip(found.modalities, shares[:, output], strict=True)
        ]  # fmt: skip


def _boxes(boxes, size):
    """Boxes in shares of a picture, as a percentage."""
    width, height = size
    return [
        {
            "who": who,
            "x": round(100 * x0 / width, 2),
            "y": round(100 * y0 / height, 2),
            "width": round(100 * max(x1 - x0, 0) / width, 2),
            "height": round(100 * max(y1 - y0, 0) / height, 2),
        }
        for who, (x0, y0, x1, y1) in boxes.items()
    ]


def _tinted(image, mask, color):
    """A picture in gray, with the classes of a mask but the background in colour."""
    pillow = require("PIL.Image", "report")
    numbers = pillow.open(io.BytesIO(mask)).resize(image.size, pillow.Resampling.NEAREST)
    numbers = np.asarray(numbers)
    pixels = np.asarray(image.convert("L").convert("RGB"), "float64")
    for number in np.unique(numbers):
        if number not in (0, 255):
            inside = numbers == number
            tint = np.roll(color, int(number) - 1)
            pixels[inside] = 0.45 * pixels[inside] + 0.55 * tint
    return pillow.fromarray(pixels.astype("uint8"))


def _source(picture):
    """A picture for a page: an `Image` of Pillow, an array, encoded bytes or a path."""
    if hasattr(picture, "convert"):
        return picture_source(picture.convert("RGB"))
    image, _ = open_picture(picture, max_pixels=Image.max_pixels)
    image.thumbnail((320, 320))
    return picture_source(image)


def _cut(text):
    if text is None or len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}… ({len(text):,} characters)"
