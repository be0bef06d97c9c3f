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
from tumorscope.core.labels import LabelScheme

NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment."


def case_record(
    *,
    case_id: str,
    picture: bool,
    measurements: Mapping[str, Any],
    scheme: LabelScheme,
    convention: str,
    bundle: Bundle,
    reason: str,
    runtime: str,
    files: Mapping[str, Iterable[Path]],
    notes: Iterable[str],
    seconds: Mapping[str, float],
    dicom: bool = False,
    series: Iterable[Mapping[str, Any]] = (),
    preprocessing: Mapping[str, Any] | None = None,
    quality: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Put together what is known about a result.

    Args:
        case_id: Name of the case.
        picture: Whether it comes from pictures, which do not tell left from right.
        measurements: See :func:`~tumorscope.inference.measure.measure`.
        scheme: Of the written label map.
        convention: "input" or "bundle": whose label values these are.
        bundle: The model.
        reason: Why this model.
        runtime: Engine, device and precision.
        files: Sequence → files; names without folders and SHA-256 go into the record.
        notes: Sentences for the user.
        seconds: Step → seconds.
        dicom: The files are DICOM: their names may hold a patient's and are left out.
        series: DICOM: what each series of the study was taken for.
        preprocessing: What was done to the study first.
        quality: Whether the input looks like the model's training data.

    Returns:
        A dict that JSON can hold, ``measurements`` at its top level.
    """
    from tumorscope import __version__

    return {
        "notice": NOTICE,
        "case": case_id,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "input": "picture" if picture else "volume",
        **measurements,
        "labels": {**_labels(scheme), "convention": convention},
        "notes": list(notes),
        "bundle": {**_bundle(bundle), "chosen": reason},
        "software": {"name": "tumorscope", "version": __version__, "runtime": runtime},
        "inputs": [_input(sequence, paths, dicom) for sequence, paths in files.items()],
        "seconds": dict(seconds),
        **({"series": [dict(entry) for entry in series]} if dicom else {}),
        **({} if preprocessing is None else {"preprocessing": dict(preprocessing)}),
        **({} if quality is None else {"quality": dict(quality)}),
    }


def _labels(scheme: LabelScheme) -> dict[str, Any]:
    return {"scheme": scheme.name, "title": scheme.title, "values": {x.name: x.value for x in scheme.labels}}


def _bundle(bundle: Bundle) -> dict[str, Any]:
    """Return what a reader must know about the model."""
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
        "scores": [
            {key: s[key] for key in ("metric", "region", "unit", "mean", "ci95", "n", "empty_policy")}
            for s in manifest.scores
            if s["metric"] == "dice" and s["unit"] == "patient"
        ],
    }


def _input(sequence: str, paths: Iterable[Path], dicom: bool) -> dict[str, Any]:
    """Return the name and hash of one sequence's file; of several slices, the folder's name and one hash over all.

    DICOM files and their folders are often called like the patient: their names are not given.
    """
    paths = list(paths)
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    name = "DICOM series" if dicom else paths[0].name if len(paths) == 1 else paths[0].parent.name if paths else ""
    return {"sequence": sequence, "file": name, "files": len(paths), "sha256": digest.hexdigest()}


def record_json(record: Mapping[str, Any]) -> str:
    """Return ``record`` as indented JSON with lists of numbers on one line."""
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    return (
        re.sub(r"\[[-\d.,e+\s]*\]", lambda m: "[" + ", ".join(m[0][1:-1].replace(",", " ").split()) + "]", text) + "\n"
    )
