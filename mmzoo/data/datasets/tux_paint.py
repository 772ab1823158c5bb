"""The stamps of Tux Paint: small pictures with a caption each, in folders by topic."""

import collections
import pathlib

from mmzoo.data.sources.from_arrays import from_arrays


def tux_paint(folder="/usr/share/tuxpaint/stamps", smallest=30):
    """The stamps of the drawing program Tux Paint: 690 pictures and captions, 8 topics.

    Debian and Ubuntu have them in the package `tuxpaint-stamps-default`. What counts is a PNG with
    an English caption and a spoken French one.

    Args:
        folder: where the stamps are.
        smallest: topics with fewer stamps are left out.

    Returns:
        `Records` with the columns `image` (paths), `text` (English captions) and `audio` (paths of
        Ogg Vorbis files); labels are the topics. Several stamps may have one caption: split them
        with `records.split(..., groups="text")`.

    Raises:
        FileNotFoundError: when there are no stamps in the folder.

    Example:

    ```python
    records = mmzoo.data.tux_paint()
    train, test = records.split(0.8, 0.2, groups="text")
    ```

    Source: https://tuxpaint.org/stamps, by its contributors, GPL-2.
    """
    folder = pathlib.Path(folder)
    stamps = collections.defaultdict(list)
    for picture in sorted(folder.rglob("*.png")):
        caption = picture.with_suffix(".txt")
        speech = picture.with_name(f"{picture.stem}_desc_fr.ogg")
        if caption.exists() and speech.exists():
            with open(caption, encoding="utf-8") as file:
                text = file.readline().strip()
            topic = picture.relative_to(folder).parts[0]
            stamps[topic].append((str(picture), text, str(speech)))
    rows = [(*stamp, topic) for topic, of_topic in stamps.items()
            if len(of_topic) >= smallest for stamp in of_topic]  # fmt: skip
    if not rows:
        raise FileNotFoundError(
            f"There are no stamps in {folder}. On Debian or Ubuntu: `apt install "
            "tuxpaint-stamps-default`; or download and unpack that package, and give the folder."
        )
    image, text, audio, topics = (list(column) for column in zip(*rows, strict=True))
    return from_arrays({"image": image, "text": text, "audio": audio}, labels=topics)
