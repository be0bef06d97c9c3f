"""``reader-study``: a blinded form from a user's real and synthetic images, and the score of its answers (S4-12)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.files import content_hash, ensure_folder, write_text
from tumorscope.core.image import Array
from tumorscope.datasets.names import is_label
from tumorscope.formats import is_image_file, natural_key, read_image
from tumorscope.metrics.reader_scores import ANSWERS, ReaderScore, score_reader

#: So begin the names of images that ``synth`` made.
MARKS = ("synthetic_", "latent_")
#: Side of the pictures in the form.
_SIDE = 256


@dataclass(frozen=True)
class ReaderForm:
    """What was written.

    Attributes:
        form: The page for readers.
        key: Which image is what; keep it from the readers.
        real: Number of real images.
        synthetic: Number of synthetic images.
    """

    form: str
    key: str
    real: int
    synthetic: int


def make_form(
    real: str | Path, synthetic: str | Path, output: str | Path, *, count: int = 40, seed: int = 0
) -> ReaderForm:
    """Write ``form.html`` and ``key.json``.

    From each folder half of ``count`` files are drawn; of a volume one axial slice from its middle half is shown. All
    pictures are brought to one size and one range of intensities, so that neither tells what they are.

    Args:
        real: Folder with real images.
        synthetic: Folder with synthetic images.
        output: Folder of the results.
        count: Images in the form; rounded down to an even number.
        seed: Of the draw and the order.

    Raises:
        InputError: if a folder holds too few images, or one cannot be read.
        UsageError: if ``count`` is below 2.
        OutputError: if something cannot be written.
    """
    from tumorscope.report.reader_html import reader_html

    half = count // 2
    if half < 1:
        raise UsageError(expected="a --count of 2 or more", found=f"{count}", fix="Give for example 40")
    rng = np.random.default_rng(seed)
    chosen = [(kind, path) for kind, folder in zip(ANSWERS, (real, synthetic), strict=True)
              for path in _drawn(Path(folder), half, kind, rng)]  # fmt: skip
    order = rng.permutation(len(chosen))
    study = content_hash(f"{seed}{[str(p) for _, p in chosen]}".encode())[:8]
    items, pictures = {}, []
    for number, index in enumerate(order, start=1):
        kind, path = chosen[int(index)]
        item = f"i{number:03d}"
        items[item] = {"truth": kind, "file": str(path)}
        pictures.append((item, _picture(path, rng)))
    place = ensure_folder(output)
    write_text(place / "form.html", reader_html(study, pictures))
    write_text(place / "key.json", json.dumps({"study": study, "items": items}, indent=1))
    return ReaderForm(str(place / "form.html"), str(place / "key.json"), half, half)


def score_answers(answers: Iterable[str | Path], key: str | Path) -> list[ReaderScore]:
    """Score answer files against the key: one row per reader, and one for all where there are several.

    Raises:
        InputError: if a file is not what the form saves, is of another study, or holds no answer.
    """
    known = _key(Path(key))
    by_reader: dict[str, list[tuple[str, str]]] = {}
    for path in answers:
        for row in _rows(Path(path)):
            if row["study"] != known["study"] or row["item"] not in known["items"]:
                raise InputError(
                    expected=f"answers to study {known['study']}",
                    found=f"study {row['study']}, item {row['item']} in {path}",
                    fix="Give the key.json that was written with the form",
                )
            if row["answer"] in ANSWERS:
                pair = (known["items"][row["item"]]["truth"], row["answer"])
                by_reader.setdefault(row["reader"] or Path(path).stem, []).append(pair)
    if not by_reader:
        raise InputError(expected="at least one answer", found="none", fix="Fill in the form and save it")
    scores = [score_reader(reader, pairs) for reader, pairs in by_reader.items()]
    if len(scores) > 1:
        scores.append(score_reader("all", [pair for pairs in by_reader.values() for pair in pairs]))
    return scores


def _drawn(folder: Path, count: int, kind: str, rng: np.random.Generator) -> list[Path]:
    if not folder.is_dir():
        raise InputError(expected=f"a folder of {kind} images", found=f"none at {folder}", fix="Check the path")
    files = sorted((p for p in folder.rglob("*") if is_image_file(p) and not is_label(p)), key=natural_key)
    marked = [p for p in files if p.name.startswith(MARKS)]
    if kind == "real" and marked:
        raise InputError(
            expected="images of patients in the folder of real ones",
            found=f"{marked[0]}, made by tumorscope, and {len(marked) - 1} more like it",
            fix="Give another folder (or swap --real and --synthetic)",
        )
    if len(files) < count:
        raise InputError(
            expected=f"{count} {kind} images or more",
            found=f"{len(files)} in {folder}",
            fix="Lower --count or add some",
        )
    return [files[i] for i in sorted(rng.choice(len(files), count, replace=False))]


def _picture(path: Path, rng: np.random.Generator) -> bytes:
    """Return one slice as an 8-bit PNG of a fixed size, cut to the head and stretched to its own percentiles."""
    from PIL import Image as pillow

    from tumorscope.transforms.grid import to_model_orientation
    from tumorscope.transforms.head import head_box

    data = to_model_orientation(read_image(path))
    depth = data.shape[2]
    shown = np.asarray(data[:, :, depth // 4 + int(rng.integers(max(1, depth // 2)))].T, dtype=np.float32)
    cut = shown[head_box(shown)]
    side = max(cut.shape)
    square = np.zeros((side, side), dtype=np.float32)
    top, left = ((side - n) // 2 for n in cut.shape)
    square[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
    picture = pillow.fromarray(_stretched(square)).resize((_SIDE, _SIDE), pillow.Resampling.BILINEAR)
    stream = io.BytesIO()
    picture.save(stream, format="PNG")
    return stream.getvalue()


def _stretched(picture: Array) -> Array:
    values = picture[picture > 0]
    top = float(np.percentile(values, 99.5)) if values.size else 1.0
    return np.rint(np.clip(picture / max(top, 1e-6), 0, 1) * 255).astype(np.uint8)


def _key(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict) and {"study", "items"} <= set(found):
            return found
        problem = "other content"
    except (OSError, ValueError) as error:
        problem = type(error).__name__
    raise InputError(expected="the key.json of a reader study", found=f"{problem} at {path}", fix="Check the path")


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            expected="answers as CSV", found=f"{type(error).__name__} at {path}", fix="Check the path"
        ) from error
    if not rows or not {"study", "reader", "item", "answer"} <= set(rows[0]):
        raise InputError(
            expected="the columns study, reader, item, answer", found=f"others in {path}", fix="Save the form again"
        )
    return rows
