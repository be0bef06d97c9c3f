"""The scores of one case, before any averaging."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tumorscope.core.errors import GeometryError, InputError, LabelError
from tumorscope.core.files import content_hash
from tumorscope.core.image import Array
from tumorscope.core.labels import LabelScheme
from tumorscope.metrics.case_checks import check_labels, check_sparse
from tumorscope.metrics.class_set import class_values, count_classes, foreground
from tumorscope.metrics.counts import BoolArray, CountArray, Counts, bounding_box, count_slices
from tumorscope.metrics.empty import EmptyPolicy
from tumorscope.metrics.lesionwise import LesionMatch, match_lesions
from tumorscope.metrics.metric import Metric
from tumorscope.metrics.probability import ProbabilitySums
from tumorscope.metrics.registry import DEFAULT_METRICS, find_metrics
from tumorscope.metrics.surface import DEFAULT_TOLERANCE, image_diagonal, surface_values

#: Key of a row under which the metrics over classes stand.
CLASSES = "classes"
_RESERVED = ("case", "patient", "length_unit", CLASSES)


@dataclass(frozen=True)
class RegionScore:
    """What one region of one case was counted and measured as; no empty-mask policy applied yet.

    Attributes:
        slices: Counts per slice along z, shape (z, 4), without slices in which nothing is labelled.
        surface: Surface metric → value; NaN where a mask is empty.
        lesions: Matched lesions, where metrics of lesions were asked for.
        reference: Hash of the reference mask, by which two evaluations tell that they scored against the same one.
    """

    slices: CountArray
    surface: Mapping[str, float]
    reference: str = ""
    lesions: LesionMatch | None = None

    @property
    def counts(self) -> Counts:
        """Counts of the whole volume."""
        return Counts.from_array(self.slices)


@dataclass(frozen=True)
class CaseScore:
    """All regions of one case; picklable, a few kB.

    Attributes:
        case: Case id.
        patient: Patient id; cases of one patient are resampled together.
        regions: Region → its counts and surface values.
        length_unit: "mm", or "px" where the spacing is unknown.
        diagonal: Diagonal of the image in that unit: the distance some policies give where one mask is empty.
        tolerance: Of surface Dice and BF score, in that unit.
        voxel_ml: Size of a voxel; None where the spacing is unknown.
        classes: The exclusive classes without background, where metrics over classes were asked for.
        class_slices: Their counts per slice, background first, shape (z, 1 + classes, 4).
        probabilities: Sums over probability maps, where they were asked for and known.
    """

    case: str
    patient: str
    regions: Mapping[str, RegionScore]
    length_unit: str
    diagonal: float
    tolerance: float
    voxel_ml: float | None = None
    classes: tuple[str, ...] = ()
    class_slices: CountArray | None = None
    probabilities: ProbabilitySums | None = None

    def row(
        self, policy: EmptyPolicy, metrics: Sequence[str] = DEFAULT_METRICS, *, slices: bool = False
    ) -> dict[str, object]:
        """Return the case as one JSON row.

        Args:
            policy: Decides values at empty masks; a value it leaves out is None.
            metrics: Metrics to include; surface metrics only where they were measured.
            slices: Whether to add the counts of each slice.

        Returns:
            ``{"case": …, "patient": …, "length_unit": …, "WT": {"dice": …, …, "tp": …, "fp": …, "fn": …, "tn": …}}``.
        """
        row: dict[str, object] = {"case": self.case, "patient": self.patient, "length_unit": self.length_unit}
        wanted = find_metrics(metrics)
        for name, region in self.regions.items():
            counts = region.counts
            entry: dict[str, object] = {}
            for metric in wanted:
                if metric.needs == "counts" or metric.name in region.surface or _of_lesions(metric, region):
                    entry[metric.name] = self._value(metric, region, policy)
            if region.lesions is not None:
                entry["lesions"] = region.lesions.to_json()
            entry |= {"tp": counts.tp, "fp": counts.fp, "fn": counts.fn, "tn": counts.tn, "reference": region.reference}
            if slices:
                entry["slices"] = region.slices.tolist()
            row[name] = entry
        over_classes = {m.name: self._of_classes(m, policy) for m in wanted if not m.of_region}
        if self.class_slices is not None and over_classes:
            row[CLASSES] = over_classes
        return row

    def _of_classes(self, metric: Metric, policy: EmptyPolicy) -> float | None:
        """Return the value of a metric over classes, over the whole volume."""
        assert self.class_slices is not None
        counts = self.class_slices.sum(axis=0, keepdims=True)
        value = math.nan
        if metric.over_classes is not None:
            value = float(class_values(metric, counts, policy)[0])
        elif self.probabilities is not None and metric.from_probabilities and policy.keeps(foreground(counts))[0]:
            value = float(metric.from_probabilities(self.probabilities.slices.sum(axis=0)))
        return None if math.isnan(value) else value

    def _value(self, metric: Metric, region: RegionScore, policy: EmptyPolicy) -> float | None:
        counts = region.counts.to_array()[None]
        if metric.from_lesions is not None and region.lesions is not None:
            raw = np.array([metric.from_lesions(region.lesions)])
        else:
            raw = metric.from_counts(counts) if metric.from_counts else np.array([region.surface[metric.name]])
        value = float(policy.apply(metric, raw, counts, self.diagonal)[0])
        return None if math.isnan(value) else value


def score_case(
    pred: Array,
    ref: Array,
    *,
    case: str,
    patient: str | None = None,
    regions: Sequence[str] | Mapping[str, tuple[str, str]],
    scheme: LabelScheme,
    pred_scheme: LabelScheme | None = None,
    spacing: Sequence[float] = (1.0, 1.0, 1.0),
    spacing_known: bool = True,
    metrics: Sequence[str] = DEFAULT_METRICS,
    tolerance: float = DEFAULT_TOLERANCE,
    known: BoolArray | None = None,
) -> CaseScore:
    """Count and measure every region of one predicted label map against its reference.

    Args:
        pred: Predicted label map, shape (x, y, z), integers.
        ref: Reference label map, same shape.
        case: Case id.
        patient: Patient id; the case id when None.
        regions: Names both schemes know; or name → (its name in the prediction's scheme, in the reference's).
        scheme: Label scheme of the reference.
        pred_scheme: Label scheme of the prediction; that of the reference when None.
        spacing: Voxel size along x, y, z in mm.
        spacing_known: False when the file carries no size: distances and tolerance are then in pixels.
        metrics: Names; surfaces are measured only if one of them needs it.
        tolerance: Of surface Dice, in mm (or pixels).
        known: Where the reference is labelled, same shape (sparse labels); the rest is in no count. None: everywhere.

    Raises:
        GeometryError: if the shapes differ or are not 3D.
        LabelError: if a map holds values its scheme does not know, or a scheme lacks a region.
        InputError: if a map holds NaN, or the spacing does not fit; if surfaces are to be measured where voxels are
            not labelled, or none is.
    """
    pairs = dict(regions) if isinstance(regions, Mapping) else {name: (name, name) for name in regions}
    pred, ref = np.asarray(pred), np.asarray(ref)
    pred_scheme = pred_scheme or scheme
    _check_maps(pred, ref, pairs, case)
    if not spacing_known:
        spacing = (1.0, 1.0, 1.0)
    wanted = find_metrics(metrics)
    surface = [m for m in wanted if m.needs == "surface"]
    by_lesion = [m for m in wanted if m.needs == "lesions"]
    known = np.ones(ref.shape, np.bool_) if known is None else np.asarray(known, np.bool_)
    sizes = np.count_nonzero(known, axis=(0, 1))
    where = b"" if known.all() else np.packbits(known).tobytes()
    if where:
        check_sparse(known, ref, [m.name for m in (*surface, *by_lesion)], case)
        pred, ref = np.where(known, pred, 0), np.where(known, ref, 0)
    box = bounding_box((pred != 0) | (ref != 0), least=2)
    check_labels(pred[box], pred_scheme, f"the prediction of case {case}")
    check_labels(ref[box], scheme, f"the reference of case {case}")
    scored = {}
    for name, (in_pred, in_ref) in pairs.items():
        masks = pred_scheme.mask(pred[box], in_pred), scheme.mask(ref[box], in_ref)
        values = surface_values(*masks, surface, spacing, tolerance) if surface else {}
        counts = _whole_slices(count_slices(*masks), sizes, box[2])
        lesions = match_lesions(*masks, spacing) if by_lesion else None
        scored[name] = RegionScore(counts, values, _mask_hash(masks[1], box, ref.shape, where), lesions)
    classes: tuple[str, ...] = ()
    class_slices: CountArray | None = None
    if any(not m.of_region for m in wanted):
        classes, class_slices = _count_classes(pred[box], ref[box], pred_scheme, scheme, sizes, box[2])
    return CaseScore(
        case,
        patient or case,
        scored,
        "mm" if spacing_known else "px",
        image_diagonal(ref.shape, spacing),
        tolerance,
        math.prod(spacing) / 1000 if spacing_known else None,
        classes,
        class_slices,
    )


def _of_lesions(metric: Metric, region: RegionScore) -> bool:
    return metric.needs == "lesions" and region.lesions is not None


def _check_maps(pred: Array, ref: Array, pairs: Mapping[str, tuple[str, str]], case: str) -> None:
    if pred.shape != ref.shape or pred.ndim != 3:
        raise GeometryError(
            expected=f"two 3D label maps of one shape (reference {ref.shape})",
            found=f"a prediction of shape {pred.shape} for case {case}",
            fix="Bring the prediction into the reference's grid first",
        )
    if not pairs or set(pairs) & set(_RESERVED):
        raise InputError(
            expected=f"regions, none called {' or '.join(_RESERVED)}", found=f"{list(pairs)}", fix="Rename the class"
        )


def _count_classes(
    pred: Array, ref: Array, pred_scheme: LabelScheme, scheme: LabelScheme, sizes: CountArray, z: slice
) -> tuple[tuple[str, ...], CountArray]:
    """Count every exclusive class in the convention of the two that says less, and the background, slice by slice.

    Raises:
        LabelError: if classes that occur have no counterpart.
    """
    if not _says_as_much(scheme, pred_scheme) and _says_as_much(pred_scheme, scheme):
        pred, common = pred_scheme.convert(pred, scheme), scheme
    else:
        ref, common = scheme.convert(ref, pred_scheme), pred_scheme
    boxed = count_classes(pred, ref, common)
    whole = [_whole_slices(boxed[:, k], sizes, z) for k in range(1, boxed.shape[1])]
    background = _whole_slices(foreground(boxed), sizes, z)[:, ::-1]
    return tuple(label.name for label in common.labels), np.stack([background, *whole], axis=1)


def _says_as_much(scheme: LabelScheme, to: LabelScheme) -> bool:
    """Whether every class of ``scheme`` has a counterpart in ``to``."""
    try:
        scheme.convert(np.array([0, *scheme.values], dtype=np.uint8), to)
    except LabelError:
        return False
    return True


def _mask_hash(mask: BoolArray, box: tuple[slice, ...], shape: tuple[int, ...], known: bytes = b"") -> str:
    """Hash a mask in ``box`` of an image of ``shape``, labelled where ``known`` says; the box does not matter."""
    tight = bounding_box(mask)
    start = [outer.start + inner.start for outer, inner in zip(box, tight, strict=True)]
    cut = mask[tight]
    where = f"{shape} {start if cut.any() else 'empty'} {cut.shape if cut.any() else ''}"
    return content_hash(where.encode(), np.packbits(cut).tobytes() if cut.any() else b"", known)


def _whole_slices(boxed: CountArray, sizes: CountArray, z: slice) -> CountArray:
    """Extend counts of the slices of a box to whole slices, outside the box nothing is marked.

    Args:
        boxed: Counts of the slices ``z``.
        sizes: Voxels that count in every slice of the image; slices with none are left out.
        z: Where the box lies.
    """
    counts = np.zeros((len(sizes), 4), dtype=np.int64)
    counts[z] = boxed
    counts[:, 3] = sizes - counts[:, :3].sum(axis=1)
    return counts[sizes > 0]
