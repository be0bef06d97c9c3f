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
    tumor_type: Mapping[str, Any] | None = None,
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
        tumor_type: What a classifier said about the case, if one was asked.

    Returns:
        A dict that JSON can hold, ``measurements`` at its top level.
    """
    from tumorscope import __version__

    return {
        **_start(case_id, picture),
        **measurements,
        "labels": {**_labels(scheme), "convention": convention},
        **({} if tumor_type is None else {"tumor_type": dict(tumor_type)}),
        "notes": list(notes),
        "bundle": {**_bundle(bundle), "chosen": reason},
        "software": {"name": "tumorscope", "version": __version__, "runtime": runtime},
        "inputs": [_input(sequence, paths) for sequence, paths in files.items()],
        "seconds": dict(seconds),
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
) -> dict[str, Any]:
    """Put together what is known about a case that was classified and not segmented; see :func:`case_record`."""
    from tumorscope import __version__

    return {
        **_start(case_id, picture),
        "tumor_type": dict(tumor_type),
        "notes": list(notes),
        "bundle": {**_bundle(bundle), "chosen": reason},
        "software": {"name": "tumorscope", "version": __version__, "runtime": runtime},
        "inputs": [_input(sequence, paths) for sequence, paths in files.items()],
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
            {key: s.get(key) for key in ("metric", "region", "unit", "mean", "ci95", "n", "empty_policy", "on")}
            for s in manifest.scores
            if (s["metric"] == "dice" and s["unit"] == "patient") or (s["metric"], s["region"]) == ("accuracy", "all")
        ],
    }


def _input(sequence: str, paths: Iterable[Path]) -> dict[str, Any]:
    """Return the name and hash of one sequence's file; of several slices, the folder's name and one hash over all."""
    paths = list(paths)
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    name = paths[0].name if len(paths) == 1 else paths[0].parent.name if paths else ""
    return {"sequence": sequence, "file": name, "files": len(paths), "sha256": digest.hexdigest()}


def record_json(record: Mapping[str, Any]) -> str:
    """Return ``record`` as indented JSON with lists of numbers on one line."""
    text = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)
    return (
        re.sub(r"\[[-\d.,e+\s]*\]", lambda m: "[" + ", ".join(m[0][1:-1].replace(",", " ").split()) + "]", text) + "\n"
    )
