"""Choosing the shipped bundle that fits a case."""

from __future__ import annotations

from tumorscope.bundles import bundle as library
from tumorscope.bundles.bundle import Bundle
from tumorscope.core.case import Case
from tumorscope.core.errors import InputError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.workflows.inputs import is_picture


def choose_bundle(case: Case, *, fast: bool = False) -> tuple[Bundle, str]:
    """Return the shipped bundle that fits ``case`` best, and why in one sentence.

    Of the bundles whose needed sequences are present: those trained on the same kind of data (pictures or volumes)
    first, then those that use more of the sequences present, then those with more regions, then those that see
    volumes instead of slices, then those that miss fewer sequences.

    Args:
        case: Read or not.
        fast: Where a bundle for slices does as well by what comes before, take it instead of one for volumes.

    Raises:
        InputError: if none fits.
    """
    picture = is_picture(case)
    bundles = [b for b in _shipped() if b.manifest.outputs.kind not in ("types", "image")]
    flat = picture or is_flat(case)
    fitting = [b for b in bundles if _fits(b, set(case.sequences)) and not (flat and _for_volumes(b))]
    if not fitting:
        known = "; ".join(f"{b.name}: {', '.join(s for s in Sequence if s in needed_sequences(b))}" for b in bundles)
        raise InputError(
            expected=f"the sequences of a shipped bundle ({known or 'none is shipped'})",
            found=f"{', '.join(case.sequences) or 'no known sequence'} in {case.id}",
            fix="Add the missing sequences, or name another model with --bundle",
            option="with --bundle",
        )

    def rank(bundle: Bundle) -> tuple[bool, int, int, bool, int]:
        known = bundle.manifest.preprocess.sequences
        used = set(known) & set(case.sequences)
        regions = len(bundle.manifest.outputs.names)
        return (
            _for_pictures(bundle) == picture,
            len(used),
            regions,
            _for_volumes(bundle) != fast,
            len(used) - len(known),
        )

    best = max(fitting, key=rank)
    used = [s for s in best.manifest.preprocess.sequences if s in case.images]
    kind = "pictures" if picture else "volumes"
    match = f"and was trained on {kind}" if _for_pictures(best) == picture else f"though not trained on {kind}"
    way = " (--fast)" if fast else ""
    there = "which is present" if len(used) == 1 else "which are present"
    return best, f"{best.name} was chosen{way}: it takes {' and '.join(used)}, {there}, {match}."


def is_flat(case: Case) -> bool:
    """Whether a case is a single slice, or its voxel size is unknown: nothing for a bundle that sees volumes.

    Of files that were not read yet the header tells; one that cannot be read is said to be no slice.
    """
    import nibabel as nib

    for image in case.images.values():
        if isinstance(image, Image):
            return min(image.shape) == 1 or not image.spacing_known
        if image.name.endswith((".nii", ".nii.gz")):
            try:
                return bool(min(nib.load(image).shape[:3]) == 1)
            except Exception:  # reading it says what is wrong
                return False
    return False


def choose_classifier(case: Case) -> Bundle | None:
    """Return the shipped bundle that tells the tumour type of ``case``; None if there is none for its sequences."""
    found = [b for b in _shipped() if b.manifest.outputs.kind == "types"]
    return next((b for b in found if needed_sequences(b) <= set(case.sequences)), None)


def image_bundles() -> dict[str, list[Bundle]]:
    """Return what repairs or makes images, of the shipped bundles, by what it does.

    Returns:
        What a bundle undoes (``rician``, ``cartesian``, ``thick_slices``) or makes images by (``vae``, ``gan``,
        ``synthesis``) → the bundles.
    """
    found: dict[str, list[Bundle]] = {}
    for bundle in _shipped():
        model = bundle.manifest.image
        if model is not None:
            found.setdefault(str(model.degradation.get("name", model.task)), []).append(bundle)
    return found


def _shipped() -> list[Bundle]:
    """Return the shipped bundles, by path: a folder of that name in the working directory must not take its place."""
    return [Bundle.load(library.SHIPPED / name) for name in library.shipped_names()]


def needed_sequences(bundle: Bundle) -> set[Sequence]:
    """Return the sequences without which ``bundle`` cannot run."""
    preprocess = bundle.manifest.preprocess
    return set(preprocess.sequences) - set(preprocess.optional)


def _fits(bundle: Bundle, present: set[Sequence]) -> bool:
    """Whether nothing is missing that the bundle needs, and something is there that it knows."""
    return needed_sequences(bundle) <= present and bool(present & set(bundle.manifest.preprocess.sequences))


def _for_volumes(bundle: Bundle) -> bool:
    """Whether the bundle sees volumes, not slices."""
    return bundle.manifest.preprocess.patch is not None


def _for_pictures(bundle: Bundle) -> bool:
    """Whether the bundle was trained on a data set of slices (8-bit pictures)."""
    name = bundle.manifest.training.dataset
    return name in DATASETS and bool(DATASETS.load(name).sliced)
