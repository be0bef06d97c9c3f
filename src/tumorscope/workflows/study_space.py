"""What a raw study needs before a bundle can see it, and whether it is what the bundle knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.core.watch import Watch, unwatched
from tumorscope.study.prepare import StudySpace, prepare_study
from tumorscope.study.quality import Flag, check_study


def to_model_space(
    images: Mapping[Sequence, Image], bundle: Bundle, *, bias: bool = False, watch: Watch = unwatched
) -> StudySpace | None:
    """Co-register, resample and skull-strip a study for ``bundle``; None where there is nothing to be done.

    Pictures and single slices are never touched, nor are studies on one grid for bundles that resize slices to a
    fixed number of pixels.

    Raises:
        InputError: if no brain is found in a scan with skull.
        MissingDependencyError: if deepbet's weights are needed and absent.
    """
    first, *rest = images.values()
    spec = bundle.manifest.preprocess
    if not all(image.spacing_known and min(image.shape) > 1 for image in images.values()):
        return None
    if spec.fit != "crop" and all(image.same_grid(first) for image in rest):
        return None
    return prepare_study(images, strip=knows_brains_only(bundle), spacing=spec.spacing_mm, bias=bias, watch=watch)


def knows_brains_only(bundle: Bundle) -> bool:
    """Whether the bundle was trained on scans without skull."""
    return bundle.manifest.training.dataset in ("brats", "decathlon", "phantom")


def input_flags(images: Mapping[Sequence, Image], bundle: Bundle) -> list[Flag]:
    """Return the signs that the images, as the bundle sees them, are unlike its training data."""
    return check_study(images) if knows_brains_only(bundle) and images else []


def quality_record(flags: list[Flag], bundle: Bundle) -> dict[str, Any] | None:
    """Return the flags for machines; None where the bundle's input is not checked."""
    if not knows_brains_only(bundle):
        return None
    start = f"Unlike the training data of {bundle.name}: "
    found = [{"name": f.name, "sentence": start + f.sentence, "value": f.value} for f in flags]
    return {"in_distribution": not flags, "flags": found}
