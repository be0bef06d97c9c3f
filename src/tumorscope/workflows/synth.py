"""``synth``: synthetic slices from noise, or synthetic cases painted from label maps. Every file says what it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError, TumorscopeError, UsageError
from tumorscope.core.files import ensure_folder, write_text
from tumorscope.core.image import Array, Image
from tumorscope.core.watch import Watch, part_of, unwatched
from tumorscope.formats import write_nifti, write_png
from tumorscope.workflows.synth_masks import MaskOrError, masks_of, phantom_masks

if TYPE_CHECKING:
    from tumorscope.inference.sampler import Sampler

log = logging.getLogger(__name__)
Say = Callable[[str], Any]

#: Stands in the header of every file.
SYNTHETIC = "synthetic: made by tumorscope {version}, bundle {bundle}, seed {seed}; no patient"
#: The same of cases painted from given label maps; NIfTI holds 80 characters.
PAINTED = "synthetic: in a given outline, by tumorscope {version}, {bundle}, seed {seed}"
#: The brain's 99th percentile in the stored volumes.
_SCALE = 1000
#: Slices from noise, or between two scans, where it is not said how many.
_SLICES = 16
#: The same of slices that begin at patients' scans; PNG holds any length.
BETWEEN = "through the latent{fitted}: made by tumorscope {version}, bundle {bundle}, from {slices}; no scan"
README = """# Synthetic images: {names}

Made by tumorscope {version} with bundle `{bundle}` ({title}), seed {seed}.
None of these shows a patient. Do not mix them with real data unmarked, do not use them for diagnosis, and do not
publish results on them as results on patients. Licence of the data the model learned from: {licence}.
"""
README_PAINTED = """# Synthetic images in the outlines of given cases: {names}

Made by tumorscope {version} with bundle `{bundle}` ({title}), seed {seed}.
Texture is made up; label map and outline of the brain are those of the cases that were given: if these are patients,
treat the files as you treat their scans. Do not mix them with real data unmarked, do not use them for diagnosis, and do
not publish results on them as results on patients. Licence of the data the model learned from: {licence}.
"""
README_BETWEEN = """# Slices through the latent of an autoencoder: {names}

Made by tumorscope {version} with bundle `{bundle}` ({title}) from scans of patients, whom the slices still resemble:
treat them as you treat the scans. None is a scan; do not diagnose or measure on them.
Licence of the data the model learned from: {licence}.
"""


@dataclass
class SynthSummary:
    """The outcome of a run.

    Attributes:
        output: Folder of the results.
        bundle: What made them.
        made: Files (slices) or folders (cases).
        failed: Input → why it could not be painted.
    """

    output: str
    bundle: str
    made: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some failed, 2 nothing done."""
        return 2 if not self.made else 1 if self.failed else 0


def synthesise(
    output: str | Path,
    *,
    bundle: str | Path,
    masks: Iterable[str | Path | Case] = (),
    phantoms: int = 0,
    count: int | None = None,
    seed: int = 0,
    refine: int = 0,
    say: Say = log.info,
    watch: Watch = unwatched,
) -> SynthSummary:
    """Make synthetic images.

    A bundle of task ``vae`` or ``gan`` makes ``count`` slices (one PNG per sequence). A ``vae`` also takes one case,
    whose slice with most brain it passes through its latent, or two, between which it makes ``count`` slices along the
    straight line between their latents. One of task ``synthesis`` paints ``count`` cases in turn from the label maps
    given; a case is a folder with its sequences and its label map, in the layout that data set ``folder`` reads.

    Args:
        output: Folder of the results; made if needed.
        bundle: Name or folder.
        masks: Case folders with a label map and a scan, whose non-zero voxels are the brain; folders of such cases; or
            cases. For a ``vae``: one or two scans.
        phantoms: Paint the label maps of so many new phantoms instead.
        count: How many slices (default 16), or cases: default one per label map; where there are fewer label maps,
            they are painted again, each time in another style.
        seed: Of everything that is drawn.
        refine: Gradient steps that fit the latents of given scans closer than the encoder of a ``vae`` does.
        say: Receives one line per thing made.
        watch: Told how far the work is; may stop it.

    Raises:
        UsageError: for a bundle that makes no images, or label maps where none or some are needed.
        InputError: if no label map is found, or the weights are damaged.
        OutputError: if something cannot be written.
        StoppedError: if ``watch`` stops it; what was written stays.
    """
    from tumorscope import __version__
    from tumorscope.inference.sampler import Sampler

    watch("opening the model", 0.0)
    sampler = Sampler(Bundle.load(bundle))
    given = list(masks)
    between = _checked(sampler, len(given), phantoms, count, refine)
    place = ensure_folder(output)
    summary = SynthSummary(str(place), sampler.bundle.name)
    facts = sampler.bundle.manifest
    about = README_BETWEEN if between else README_PAINTED if given else README
    try:
        if sampler.task == "synthesis":
            cases, text = (phantom_masks(phantoms, seed), SYNTHETIC) if phantoms else (masks_of(given, count), PAINTED)
            _paint_all(sampler, cases, place, seed, summary, say, _shares(watch, phantoms or count), text)
        elif between:
            slices, text = _between(sampler, given, count or _SLICES, refine, part_of(watch, 0.05, 0.95))
            _write_slices(sampler, slices, place, text, seed, summary)
            say(f"{len(slices)} slice{'s' * (len(slices) > 1)} through the latent in {place}")
        else:
            slices = sampler.sample(count or _SLICES, seed, part_of(watch, 0.05, 0.95)).numpy()
            _write_slices(sampler, slices, place, SYNTHETIC, seed, summary)
            say(f"{len(slices)} synthetic slices of {' and '.join(sampler.sequences)} in {place}")
    finally:
        if summary.made:
            ends = dict.fromkeys(f"`{Path(path).name}`" for path in (summary.made[0], summary.made[-1]))
            words = {"version": __version__, "bundle": sampler.bundle.name, "seed": seed, "names": " to ".join(ends)}
            told = about.format(**words, title=facts.title, licence=facts.training.licence)
            _tell(place / "README-synthetic.md", told)
    return summary


def _tell(path: Path, about: str) -> None:
    """Write what the files are, above what earlier runs said of theirs: where both name a file, the first holds."""
    before = path.read_text(encoding="utf-8").replace(about, "").strip() if path.is_file() else ""
    write_text(path, f"{about}\n{before}\n" if before else about)


def _checked(sampler: Sampler, given: int, phantoms: int, count: int | None, refine: int) -> bool:
    """Return whether slices go through given scans; raise UsageError for what the bundle cannot do."""
    for option, value, least in (("--count", count, 1), ("--phantoms", phantoms, 0)):
        if value is not None and value < least:
            raise UsageError(expected=f"{option} {least} or more", found=f"{value}", fix="Give a larger number")
    if phantoms and count is not None:
        raise UsageError(
            expected="--phantoms N, which says how many", found="--count beside it", fix="Leave --count out"
        )
    between = sampler.task == "vae" and bool(given)
    if between and count is not None and (count == 1) != (given == 1):
        raise UsageError(
            expected="--count 2 or more between two scans, 1 or none with one",
            found=f"--count {count} with {given} scan(s)",
            fix="Change it",
        )
    if refine < 0 or (refine and not between):
        raise UsageError(
            expected="--refine 0, or 1 or more with a vae and scans whose latents are fitted",
            found=f"--refine {refine} with '{sampler.bundle.name}' and {given} input(s)",
            fix="Leave it out",
        )
    if sampler.task != "synthesis" and (phantoms or (given and not between) or given > 2):
        raise UsageError(
            expected="no label maps: this bundle starts from noise"
            + (", or goes through one scan or between two" if sampler.task == "vae" else ""),
            found=f"'{sampler.bundle.name}' with {given} input(s) and {phantoms} phantom(s)",
            fix="Leave them out",
        )
    if sampler.task == "synthesis" and bool(given) == bool(phantoms):
        raise UsageError(
            expected="label maps to paint: MASK..., or --phantoms N",
            found="both" if given else "neither",
            fix="Give one of them",
        )
    return between


def note_for(sampler: Sampler, seed: int, text: str = SYNTHETIC) -> str:
    """Return what stands in the header of a synthetic file."""
    from tumorscope import __version__

    return text.format(version=__version__, bundle=sampler.bundle.name, seed=seed)


def _shares(watch: Watch, total: int | None) -> Watch:
    """Return a watch for case after case, told its number; without a total no share is told."""
    return lambda step, number: watch(step, number / total if total else 0.0)


def _write_slices(sampler: Sampler, slices: Array, place: Path, text: str, seed: int, summary: SynthSummary) -> None:
    note, kind = note_for(sampler, seed, text), "synthetic" if text == SYNTHETIC else "latent"
    for number, made in enumerate(slices, start=1):
        for sequence, channel in zip(sampler.sequences, made, strict=True):
            pixels = np.rint(np.clip(channel, 0, 1) * 255).astype(np.uint8).T
            path = write_png(pixels, place / f"{kind}_{sampler.bundle.name}_{number:05d}_{sequence}.png", note=note)
            summary.made.append(str(path))


def _between(
    sampler: Sampler, scans: list[str | Path | Case], count: int, refine: int, watch: Watch
) -> tuple[Array, str]:
    """Return one slice through the latent, or ``count`` on the way between two, (N, C, H, W); and what they are."""
    from torch import from_numpy

    found = [_fullest_slice(sampler, scan) for scan in scans]
    ends = [from_numpy(array) for array, _ in found]
    if len(ends) == 1:
        made = sampler.reconstruct(ends[0][None], refine, watch)
    else:
        made = sampler.interpolate(ends[0], ends[1], count, refine, watch)
    fitted = f", fitted in {refine} steps" if refine else ""
    slices = " and ".join(
        f"axial slice {number} (from below, the first is 0) of scan {n}" for n, (_, number) in enumerate(found, 1)
    )
    return np.asarray(made.numpy()), BETWEEN.replace("{fitted}", fitted).replace("{slices}", slices)


def _fullest_slice(sampler: Sampler, scan: str | Path | Case) -> tuple[Array, int]:
    """Return the slice of a scan with most brain, prepared, float32 (C, H, W), and its number.

    Raises:
        InputError: if the scan cannot be used.
    """
    from tumorscope.transforms.prepare import prepare
    from tumorscope.workflows.predict import read_case

    spec = sampler.bundle.manifest.preprocess
    try:
        case = scan if isinstance(scan, Case) else read_case(scan)
        loaded = case.loaded(spec.sequences)
    except TumorscopeError as error:
        if error.option != "--sequence":
            raise
        named = " and ".join(spec.sequences)
        raise error.replace(fix=f"Give a folder whose file names say {named}", option="") from error
    array = prepare({s: i for s, i in loaded.images.items() if isinstance(i, Image)}, spec).array
    number = int((array[:, 0] != 0).sum(axis=(1, 2)).argmax())
    return np.asarray(array[number], dtype=np.float32), number


def _paint_all(
    sampler: Sampler, cases: Iterator[MaskOrError], place: Path, seed: int,
    summary: SynthSummary, say: Say, watch: Watch, text: str,
) -> None:  # fmt: skip
    for number, (name, case) in enumerate(cases):
        watch(f"painting {name}", float(number))
        try:
            if isinstance(case, TumorscopeError):
                raise case
            folder = _paint(sampler, case, place, number + 1, seed + number, text)
        except TumorscopeError as error:
            summary.failed[name] = str(error)
            say(f"{name}: failed. {error}")
        else:
            summary.made.append(str(folder))
            say(f"{name} → {folder}")


def _paint(sampler: Sampler, case: Case, place: Path, number: int, seed: int, text: str) -> Path:
    """Write one synthetic case: its sequences and its label map; named by number, not by the patient."""
    loaded = case.loaded()
    brain = next((i for i in loaded.images.values() if isinstance(i, Image)), None)
    if not isinstance(loaded.label, Image) or loaded.scheme is None or brain is None:
        raise InputError(expected="a label map and a scan", found=f"not both in {case.id}", fix="Add what is missing")
    label = loaded.label.with_data(loaded.scheme.convert(loaded.label.data, sampler.scheme).astype(np.uint8))
    images = sampler.paint_volume(label, brain, seed)
    name = f"synthetic_{number:04d}"
    folder, note = ensure_folder(place / name), note_for(sampler, seed, text)
    for sequence, image in images.items():
        stored = np.rint(image.data * _SCALE).astype(np.int16)
        write_nifti(image.with_data(stored), folder / f"{name}_{sequence}.nii.gz", note=note)
    write_nifti(label, folder / f"{name}_seg.nii.gz", note=note)
    return folder
