"""Image files in, image files out: what ``denoise``, ``reconstruct`` and ``enhance`` have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.files import ensure_folder
from tumorscope.core.image import Array, Image
from tumorscope.core.watch import Watch, part_of, unwatched
from tumorscope.datasets.names import is_label, stem
from tumorscope.formats import (
    check_content,
    image_suffix,
    is_image_file,
    mark_of,
    natural_key,
    read_image,
    write_nifti,
    write_png,
)
from tumorscope.workflows.file_rows import FilesSummary, done_or_failed, tell, unique_name
from tumorscope.workflows.inputs import find_inputs

#: Stands in the header of every file that is not what a scanner gave.
PROCESSED = "processed: {what} by tumorscope {version}; not the original scan; research use only"


@dataclass(frozen=True)
class Product:
    """One image that was made from another.

    Attributes:
        name: Added to the input's name: ``denoised``.
        image: On its own grid.
        what: For the header: ``denoised with bundle denoise``.
    """

    name: str
    image: Image
    what: str


#: Makes products and notes of an image; tells how far it is.
Work = Callable[[Image, Watch], tuple[list[Product], list[str]]]
#: A file or folder, or an image that was read already with the name its results get.
Input = str | Path | tuple[str, Image]


def process_files(
    inputs: Iterable[Input],
    output: str | Path,
    work: Work,
    say: Callable[[str], Any] | None = None,
    watch: Watch = unwatched,
) -> FilesSummary:
    """Do every image of every input; one that fails is one sentence, and the others go on.

    Args:
        inputs: Image files, folders with such files (label maps are left out), DICOM studies, zip files; or images
            that were read already, with a name.
        output: Folder of the results; made if needed. Files are named after their input and never replace it.
        work: What is done.
        say: Called with each line for people.
        watch: Told how far the work is; may stop it.

    Raises:
        OutputError: if ``output`` is a file or cannot be made.
        StoppedError: if ``watch`` stops it; what was written stays.
    """
    summary = FilesSummary(str(ensure_folder(output)))
    taken: set[str] = set()
    sources = list(_sources(inputs, Path(output)))
    for done, (name, source) in enumerate(sources):
        share = part_of(watch, done / len(sources), (done + 1) / len(sources))
        make = partial(_made, source, Path(output), work, share)
        summary.files.append(done_or_failed(unique_name(name, taken), make))
        tell(summary.files[-1], say)
    return summary


#: Reads one image, or raises why there is none.
Source = Callable[[], Image]


def _sources(inputs: Iterable[Input], output: Path) -> Iterator[tuple[str, Source]]:
    """Yield every image of the inputs, a file that is given twice once."""
    seen: set[Path] = set()
    for given in inputs:
        if isinstance(given, tuple):
            yield given[0], _read(given[1])
            continue
        path = Path(given)
        if path.is_dir() and path.resolve() == output.resolve():
            yield path.name, _failing(_same_folder(path, output))
            continue
        single = path.is_file() and bool(image_suffix(path))
        files = [path] if single else _files_below(path, output) if path.is_dir() else []
        for file in files:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield stem(file), _failing(_label_map(file)) if is_label(file) else _reader(file)
        if not files:
            yield from _of_cases(path, output)


def _of_cases(path: Path, output: Path) -> Iterator[tuple[str, Source]]:
    """Yield every sequence of every case of a DICOM folder, a zip file, or whatever else an input may be."""
    try:
        cases = find_inputs(path, any_grid=True, skip=output)
    except Exception as error:  # a fault of ours must not stop the other inputs
        yield stem(path), _failing(error)
        return
    for found in cases:
        if found.case is None:
            yield found.id, _failing(found.error)
            continue
        for sequence in found.case.sequences:
            yield f"{found.id}_{sequence}", _of_case(found.case, sequence)


def _same_folder(path: Path, output: Path) -> InputError:
    found = f"{path}, the folder of results itself"
    return InputError(expected="a folder of scans", found=found, fix="Name another folder after -o")


def _label_map(path: Path) -> InputError:
    return InputError(expected="a scan", found=f"a label map by its name, {path}", fix="Leave it out, or rename it")


def _files_below(folder: Path, output: Path) -> list[Path]:
    """Return the image files below a folder, results and label maps left out, in natural order."""
    files = [p for p in folder.rglob("*") if is_image_file(p) and p.is_file() and not is_label(p)]
    results = output.resolve()
    if not folder.resolve().is_relative_to(results):
        files = [p for p in files if not p.resolve().is_relative_to(results)]
    return sorted(files, key=natural_key)


def _read(image: Image) -> Source:
    return lambda: image


def _reader(path: Path) -> Source:
    return lambda: read_image(path)


def _failing(error: Exception | None) -> Source:
    def fail() -> Image:
        assert error is not None
        raise error

    return fail


def _of_case(case: Any, sequence: Any) -> Source:
    def read() -> Image:
        image = case.loaded((sequence,)).images[sequence]
        assert isinstance(image, Image)
        return image

    return read


def _made(source: Source, output: Path, work: Work, watch: Watch, name: str) -> tuple[tuple[str, ...], list[str]]:
    watch("reading", 0.0)
    image = source()
    check_content(image)
    products, notes = work(image, part_of(watch, 0.05, 0.95))
    if mark := _mark(image):
        notes = [f"It was no original scan before: {mark}.", *notes]
    watch("writing files", 0.95)
    return tuple(str(write_product(product, image, output, name)) for product in products), notes


def _mark(image: Image) -> str:
    return mark_of(image.source) if image.source is not None else ""


def write_product(product: Product, original: Image, output: Path, name: str) -> Path:
    """Write a product beside nothing of the same name but an earlier result, saying in its header what it is.

    A picture stays a picture (PNG of 8 or 16 bit), everything else is NIfTI.

    Raises:
        InputError: if a folder of that name is in the way.
        OutputError: if it cannot be written.
    """
    from tumorscope import __version__

    note = PROCESSED.format(what=product.what, version=__version__)
    before = _mark(original)
    note += f"; before: {before}" if before else ""
    picture = original.source is not None and not image_suffix(original.source).startswith(".nii")
    picture = picture and not original.spacing_known and product.image.shape[2] == 1
    path = output / f"{name}_{product.name}{'.png' if picture else '.nii.gz'}"
    if path.is_dir():
        raise InputError(expected=f"a file name free at {path}", found="a folder", fix="Choose another folder after -o")
    if picture:
        return write_png(_as_pixels(product.image.data[:, :, 0], original.data), path, note=note)
    return write_nifti(product.image, path, note=note)


def _as_pixels(data: Array, original: Array) -> Array:
    """Return pixels of the type the original had, 16-bit where that was no integer of 8 or 16 bit."""
    dtype = original.dtype if original.dtype in (np.uint8, np.uint16) else np.dtype(np.uint16)
    if original.dtype.kind == "f":
        data = data * (np.iinfo(dtype).max / max(float(original.max()), 1e-6))
    return np.clip(np.rint(data), 0, np.iinfo(dtype).max).astype(dtype)
