"""``reader-study``: a blinded form from a user's real and synthetic images, and the score of its answers (S4-12)."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.files import content_hash, ensure_folder, write_text
from tumorscope.core.image import Array
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.names import is_label, sequence_of
from tumorscope.formats import is_image_file, mark_of, natural_key, read_image
from tumorscope.metrics.reader_scores import ANSWERS, ReaderScore, score_reader

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

    From each folder half of ``count`` files are drawn, equally many of each sequence where all names tell one; of a
    volume one axial slice from its middle half is shown. All pictures are cut to the head and brought to one size, one
    range of intensities and the sharpness of the coarser kind, so that none of these tells what they are.

    Args:
        real: Folder with real images.
        synthetic: Folder with synthetic images.
        output: Folder of the results.
        count: Images in the form, an even number.
        seed: Of the draw and the order.

    Raises:
        InputError: if a folder holds too few images, lies in the other, holds images that this program made where real
            ones are needed, or an image cannot be read.
        UsageError: if ``count`` is odd or below 2.
        OutputError: if something cannot be written.
    """
    from tumorscope.report.reader_html import reader_html

    if count < 2 or count % 2:
        raise UsageError(expected="an even --count of 2 or more", found=f"{count}", fix="Give for example 40")
    half = count // 2
    rng = np.random.default_rng(seed)
    chosen = _drawn(Path(real), Path(synthetic), half, rng)
    order = [chosen[i] for i in rng.permutation(len(chosen))]
    study = content_hash(f"{seed}{[str(p) for _, p in chosen]}".encode())[:8]
    cuts = [_cut(path, rng) for _, path in order]
    sharpness = round(min(np.median([len(c) for (k, _), c in zip(order, cuts, strict=True) if k == kind])
                          for kind in ANSWERS))  # fmt: skip
    items, pictures = {}, []
    for number, ((kind, path), cut) in enumerate(zip(order, cuts, strict=True), start=1):
        item = f"i{number:03d}"
        items[item] = {"truth": kind, "file": str(path)}
        pictures.append((item, _picture(cut, sharpness)))
    place = ensure_folder(output)
    write_text(place / "form.html", reader_html(study, pictures))
    write_text(place / "key.json", json.dumps({"study": study, "items": items}, indent=1))
    return ReaderForm(str(place / "form.html"), str(place / "key.json"), half, half)


def score_answers(answers: Iterable[str | Path], key: str | Path) -> list[ReaderScore]:
    """Score answer files against the key: one row per reader, and one for all where there are several.

    Raises:
        InputError: if a file is not what the form saves, is of another study, holds no answer, or holds one that
            another file gave already.
    """
    known = _key(Path(key))
    by_reader: dict[str, list[tuple[str, str]]] = {}
    files: dict[str, Path] = {}
    given: dict[tuple[str, str], Path] = {}
    unnamed: dict[Path, str] = {}
    for path in map(Path, answers):
        rows = _rows(path)
        nameless = json.dumps(rows) if not any(row["reader"] for row in rows) else str(path.resolve())
        if nameless in files:
            raise _repeated("the answers of each reader once", f"the same in {files[nameless]} and {path}")
        files[nameless] = path
        for row in rows:
            if row["study"] != known["study"] or row["item"] not in known["items"]:
                raise InputError(
                    expected=f"answers to study {known['study']}",
                    found=f"study {row['study']}, item {row['item']} in {path}",
                    fix="Give the key.json that was written with the form",
                )
            if row["answer"] in ANSWERS:
                reader = row["reader"] or _nameless(path, unnamed)
                answered = (reader, row["item"])
                if answered in given:
                    both = f"a second one in {path}, after {given[answered]}"
                    raise _repeated(f"one answer of '{reader}' to image {row['item']}", both)
                given[answered] = path
                by_reader.setdefault(reader, []).append((known["items"][row["item"]]["truth"], row["answer"]))
    if not by_reader:
        raise InputError(expected="at least one answer", found="none", fix="Fill in the form and save it")
    scores = [score_reader(reader, pairs) for reader, pairs in by_reader.items()]
    if len(scores) > 1:
        scores.append(score_reader("all", [pair for pairs in by_reader.values() for pair in pairs]))
    return scores


def _nameless(path: Path, known: dict[Path, str]) -> str:
    """Return what a reader without a name is called: after the file, with a number where two are called the same."""
    if path not in known:
        same = sum(other.stem == path.stem for other in known)
        known[path] = f"{path.stem}-{same + 1}" if same else path.stem
    return known[path]


def _repeated(expected: str, found: str) -> InputError:
    fix = "Give the last file that each reader saved, and fill in its column reader where that is empty"
    return InputError(expected=expected, found=found, fix=fix)


def _drawn(real: Path, synthetic: Path, half: int, rng: np.random.Generator) -> list[tuple[str, Path]]:
    """Return kind and file of what the form shows, as many of either kind, sequence by sequence where names tell it."""
    files = [_images(folder, kind) for kind, folder in zip(ANSWERS, (real, synthetic), strict=True)]
    inner, outer = sorted((real.resolve(), synthetic.resolve()), key=lambda p: len(p.parts), reverse=True)
    if inner.is_relative_to(outer):
        raise InputError(
            expected="real and synthetic images in two folders",
            found=f"one in the other: {inner} and {outer}",
            fix="Give separate folders",
        )
    marked = [p for p in files[0] if mark_of(p)]
    if marked:
        raise InputError(
            expected="images of patients in the folder of real ones",
            found=f"{marked[0]}, made by tumorscope, and {len(marked) - 1} more like it",
            fix="Give another folder (or swap --real and --synthetic)",
        )
    shares = _shares(files, (real, synthetic), half)
    chosen = []
    for kind, found in zip(ANSWERS, files, strict=True):
        for sequence, share in shares.items():
            of = [p for p in found if sequence is None or sequence_of(p) == sequence]
            chosen += [(kind, of[i]) for i in sorted(rng.choice(len(of), share, replace=False))]
    return chosen


def _images(folder: Path, kind: str) -> list[Path]:
    if not folder.is_dir():
        raise InputError(expected=f"a folder of {kind} images", found=f"none at {folder}", fix="Check the path")
    return sorted((p for p in folder.rglob("*") if is_image_file(p) and not is_label(p)), key=natural_key)


def _shares(files: list[list[Path]], folders: tuple[Path, Path], half: int) -> dict[Sequence | None, int]:
    """Return how many files of each sequence either folder gives; the key None stands for any sequence.

    Sequences are told apart only where every name tells one: what shows another sequence would give itself away.
    """
    counts = [Counter(sequence_of(p) for p in found) for found in files]
    if any(None in count for count in counts):
        counts = [Counter({None: len(found)}) for found in files]
    common = {s: min(counts[0][s], counts[1][s]) for s in counts[0] if s in counts[1]}
    if sum(common.values()) < half:
        seen = " and ".join(
            f"{len(found)}{_told(count)} in {folder}"
            for found, count, folder in zip(files, counts, folders, strict=True)
        )
        raise InputError(
            expected=f"{half} real and {half} synthetic images or more, of the same sequences",
            found=seen,
            fix="Lower --count or add some",
        )
    shares = dict.fromkeys(common, 0)
    while sum(shares.values()) < half:
        shares[min((s for s in common if shares[s] < common[s]), key=shares.__getitem__)] += 1
    return shares


def _told(count: Counter[Sequence | None]) -> str:
    named = ", ".join(f"{n} {s}" for s, n in count.items() if s is not None)
    return f" ({named})" if named else ""


def _cut(path: Path, rng: np.random.Generator) -> Array:
    """Return one slice cut to the head, square, float32, radiological."""
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
    return square


def _picture(cut: Array, side: int) -> bytes:
    """Return an 8-bit PNG of a fixed size, no sharper than ``side`` pixels are, stretched to its own percentiles."""
    from PIL import Image as pillow

    side = min(side, len(cut))
    coarse = pillow.fromarray(cut).resize((side, side), pillow.Resampling.BOX)
    picture = pillow.fromarray(_stretched(np.asarray(coarse))).resize((_SIDE, _SIDE), pillow.Resampling.BILINEAR)
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
