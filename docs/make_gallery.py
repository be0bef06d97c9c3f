"""Draw every example of every figure into ``docs/gallery`` and list them in ``docs/gallery.md``.

    python docs/make_gallery.py [NAME ...]

With names, only those pictures are drawn anew; the page is always written whole.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image as Pillow

from tumorscope.core.files import atomic_path, write_text
from tumorscope.figures import FIGURES
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.save import png_bytes

HERE = Path(__file__).parent
#: Dots per inch of the gallery, and the size a picture may have.
DPI, MOST_BYTES = 80, 150_000
SECTIONS = {
    "charts": "Charts",
    "pictures": "Pictures",
    "diagrams": "Diagrams",
}
HEAD = """# Gallery of figures

Every figure of `tumorscope.figures.FIGURES`, drawn by `python docs/make_gallery.py`. Pictures show the phantom, a
synthetic patient; patients appear in aggregate numbers only. Each function returns a matplotlib `Figure`.
[The app](how-to/app.md) shows more: scans before and after with their difference, synthetic slices with their mark.
"""


def file_name(name: str, example: str) -> str:
    """Return the file name of one example."""
    return f"{name}-{example}.png" if example else f"{name}.png"


def small_png(data: bytes) -> bytes:
    """Return a PNG with at most 255 colours, as small as Pillow makes it."""
    with Pillow.open(io.BytesIO(data)) as image:
        reduced = image.convert("RGB").quantize(255, method=Pillow.Quantize.MEDIANCUT, dither=Pillow.Dither.NONE)
    stream = io.BytesIO()
    reduced.save(stream, format="png", optimize=True)
    return stream.getvalue()


def draw(name: str, entry: FigureEntry, folder: Path) -> None:
    """Write the pictures of one figure.

    Raises:
        ValueError: if a picture is too large for the repository.
    """
    for example, arguments in entry.examples().items():
        data = small_png(png_bytes(entry.draw(**arguments), DPI))
        if len(data) > MOST_BYTES:
            raise ValueError(f"{file_name(name, example)} has {len(data)} bytes: make it smaller")
        with atomic_path(folder / file_name(name, example)) as scratch:
            scratch.write_bytes(data)


def page(entries: dict[str, FigureEntry]) -> str:
    """Return the Markdown page."""
    parts = [HEAD]
    for section, heading in SECTIONS.items():
        parts.append(f"## {heading}\n")
        for name, entry in entries.items():
            if entry.section == section:
                pictures = [f"![{name} {x}](gallery/{file_name(name, x)})".replace(" ]", "]") for x in entry.examples()]
                parts.append(f"### {entry.title}\n\n`{entry.path}`. {entry.caption}\n\n" + "\n".join(pictures) + "\n")
    return "\n".join(parts)


def main(names: list[str]) -> None:
    """Draw the figures called ``names`` (default all) and write the page."""
    entries: dict[str, FigureEntry] = {name: FIGURES.load(name) for name in FIGURES}
    for name in names or entries:
        FIGURES.check(name)
        draw(name, entries[name], HERE / "gallery")
    known = {file_name(name, x) for name, entry in entries.items() for x in entry.examples()}
    for path in (HERE / "gallery").glob("*.png"):
        if path.name not in known:
            path.unlink()
    write_text(HERE / "gallery.md", page(entries))


if __name__ == "__main__":
    main(sys.argv[1:])
