"""The machine-readable result of one case: ``measurements.json``."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tumorscope.bundles.bundle import Bundle
from tumorscope.bundles.manifest import Manifest, SubsetScore
from tumorscope.core.labels import LabelScheme
from tumorscope.report.flags import quality_flags, subset_flags, type_flags
from tumorscope.report.notice import NOTICE


def case_record(
    *,
    case_id: str,
    picture: bool,
    measurements: Mapping[str, Any],
    scheme: LabelScheme,
    convention: str,
    bundle: Bundle | None,
    reason: str,
    runtime: str,
    files: Mapping[str, Iterable[Path]],
    notes: Iterable[str],
    seconds: Mapping[str, float],
    flags: Iterable[str] = (),
    dicom: bool = False,
    series: Iterable[Mapping[str, Any]] = (),
    preprocessing: Mapping[str, Any] | None = None,
    quality: Mapping[str, Any] | None = None,
    tumor_type: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Put together what is known about a result.

    Args:
        case_id: Name of the case.
        picture: Whether it comes from pictures, which do not tell left from right.
        measurements: From :func:`~tumorscope.workflows.assess.assess`.
        scheme: Of the written label map.
        convention: "input", "bundle" or "mask": whose label values these are.
        bundle: The model; None for a mask drawn or edited by hand.
        reason: Why this model, or what the mask is.
        runtime: Engine, device and precision.
        files: Sequence → files; names without folders and SHA-256 go into the record.
        notes: Sentences for the user.
        seconds: Step → seconds.
        flags: What asks for a second look, beside what the measurements themselves tell.
        dicom: The files are DICOM: their names may hold a patient's and are left out.
        series: DICOM: what each series of the study was taken for.
        preprocessing: What was done to the study first.
        quality: Whether the input looks like the model's training data.
        tumor_type: What a classifier said about the case, if one was asked.

    Returns:
        A dict that JSON can hold, ``measurements`` at its top level.
    """
    from tumorscope import __version__

    part = _measured_part(bundle.manifest, files) if bundle else None
    return {
        **_start(case_id, picture),
        **measurements,
        "labels": {**_labels(scheme), "convention": convention},
        "flags": [
            *(f["sentence"] for f in (quality or {}).get("flags", ())),
            *flags,
            *([] if part is None else subset_flags(*part)),
            *quality_flags(measurements),
            *type_flags(tumor_type),
        ],
        **({} if tumor_type is None else {"tumor_type": dict(tumor_type)}),
        "notes": list(notes),
        "origin": "model" if bundle else reason,
        "bundle": {**_bundle(bundle, files), "chosen": reason} if bundle else None,
        "steps": _steps(bundle, picture, files),
        "software": {"name": "tumorscope", "version": __version__, "runtime": runtime},
        "inputs": [_input(sequence, paths, dicom) for sequence, paths in files.items()],
        "seconds": dict(seconds),
        **({"series": [dict(entry) for entry in series]} if dicom else {}),
        **({} if preprocessing is None else {"preprocessing": dict(preprocessing)}),
        **({} if quality is None else {"quality": dict(quality)}),
    }


def type_record(
    *,
    case_id: str,
    picture: bool,
    tumor_type: Mapping[str, Any],
    bundle: Bundle,
    reason: str,
    runtime: str,
    files: Mapping[str, Iterable[Path]],
    notes: Iterable[str],
    seconds: Mapping[str, float],
    dicom: bool = False,
) -> dict[str, Any]:
    """Put together what is known about a case that was classified and not segmented; see :func:`case_record`."""
    from tumorscope import __version__

    return {
        **_start(case_id, picture),
        "tumor_type": dict(tumor_type),
        "notes": list(notes),
        "bundle": {**_bundle(bundle, files), "chosen": reason},
        "software": {"name": "tumorscope", "version": __version__, "runtime": runtime},
        "steps": [f"{', '.join(bundle.manifest.preprocess.sequences)} cropped to the head, resized and classified."],
        "inputs": [_input(sequence, paths, dicom) for sequence, paths in files.items()],
        "seconds": dict(seconds),
    }


def _start(case_id: str, picture: bool) -> dict[str, Any]:
    return {
        "notice": NOTICE,
        "case": case_id,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "input": "picture" if picture else "volume",
    }


def _labels(scheme: LabelScheme) -> dict[str, Any]:
    return {"scheme": scheme.name, "title": scheme.title, "values": {x.name: x.value for x in scheme.labels}}


def _given(manifest: Manifest, files: Mapping[str, Any]) -> list[str]:
    """Return the model's sequences that the case has, in the model's order."""
    return [str(s) for s in manifest.preprocess.sequences if s in files]


def _measured_part(manifest: Manifest, files: Mapping[str, Any]) -> tuple[SubsetScore, SubsetScore] | None:
    """Return the model's scores with the case's sequences alone and with all; None if all are there or unmeasured."""
    by_set = {frozenset(s.sequences): s for s in manifest.subsets}
    known = manifest.preprocess.sequences
    seen, whole = by_set.get(frozenset(s for s in known if s in files)), by_set.get(frozenset(known))
    return None if seen is None or whole is None or seen is whole else (seen, whole)


def _bundle(bundle: Bundle, files: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a reader must know about the model; ``files``: of the sequences that the case has."""
    manifest, training = bundle.manifest, bundle.manifest.training
    return {
        "name": manifest.name,
        "version": manifest.version,
        "title": manifest.title,
        "trained_on": training.dataset,
        "licence": training.licence,
        "commercial_use": training.commercial,
        "weights_sha256": dict(manifest.weights_sha256),
        "limits": list(manifest.limits),
        **_scores(manifest, files),
    }


def _scores(manifest: Manifest, files: Mapping[str, Any]) -> dict[str, Any]:
    """Return the model's test scores with the case's sequences, where that was measured, else with all of them."""
    part = _measured_part(manifest, files)
    if part is not None:
        seen = part[0]
        rest = {"metric": "dice", "unit": "patient", "n": seen.n, "empty_policy": "brats", "on": seen.on}
        rows = [
            {**rest, "region": name, "mean": mean, "ci95": list(seen.ci95[name])} for name, mean in seen.dice.items()
        ]
        return {"scores": rows, "scores_with": [str(s) for s in seen.sequences]}
    rows = [
        {key: s.get(key) for key in ("metric", "region", "unit", "mean", "ci95", "n", "empty_policy", "on")}
        for s in manifest.scores
        if (s["metric"] == "dice" and s["unit"] == "patient") or (s["metric"], s["region"]) == ("accuracy", "all")
    ]
    return {"scores": rows, "scores_with": [str(s) for s in manifest.preprocess.sequences]}


def _steps(bundle: Bundle | None, picture: bool, files: Mapping[str, Any]) -> list[str]:
    """Return what was done to the images, in order."""
    measured = "Volumes, diameters, lesions and sides measured in the label map's own grid."
    if bundle is None:
        return ["Label map read as it is; grid compared with the scan.", measured]
    spec, rules = bundle.manifest.preprocess, bundle.manifest.postprocess
    along = "" if spec.patch else "in plane "
    fitted = spec.fit == "crop"
    size = f"resampled {along}to {spec.spacing_mm:g} mm" if fitted else f"resized to {spec.size[0]}×{spec.size[1]}"
    slices = "slices" if picture else "axial slices"
    where = "windows of the volume" if spec.patch else f"{slices} with {spec.context} neighbour(s) on each side"
    kept = rules.model_dump(mode="json", exclude_defaults=True)
    return [
        f"{', '.join(_given(bundle.manifest, files))} oriented to LPS, {size}, normalised ({spec.normalise}).",
        f"Network {bundle.manifest.network} on {where}; {len(bundle.manifest.members)} set(s) of weights.",
        "Probabilities interpolated back into the input's own grid and turned into labels there.",
        f"Post-processing: {json.dumps(kept)}." if kept else "No post-processing.",
        measured,
    ]


def _input(sequence: str, paths: Iterable[Path], dicom: bool) -> dict[str, Any]:
    """Return the name and hash of one sequence's file; of several slices, the folder's name and one hash over all.

    DICOM files and their folders are often called like the patient: their names are not given.
    """
    paths = list(paths)
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    hidden = "mask" if sequence == "mask" else "DICOM series"
    name = hidden if dicom else paths[0].name if len(paths) == 1 else paths[0].parent.name if paths else ""
    return {"sequence": sequence, "file": name, "files": len(paths), "sha256": digest.hexdigest()}


def record_json(record: Mapping[str, Any]) -> str:
    """Return ``record`` as indented JSON with lists of numbers on one line."""
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    return (
        re.sub(r"\[[-\d.,e+\s]*\]", lambda m: "[" + ", ".join(m[0][1:-1].replace(",", " ").split()) + "]", text) + "\n"
    )
