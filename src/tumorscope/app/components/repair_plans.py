"""What can be done to a scan, its options, and the workflow that does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast, get_args

import streamlit as st

from tumorscope.app.components.kept_choice import kept_choice
from tumorscope.app.session import Session
from tumorscope.bundles.bundle import Bundle
from tumorscope.workflows.choose import image_bundles
from tumorscope.workflows.repair_view import Repair
from tumorscope.workflows.restore import MOST_NOISE, Contrast, Denoiser, denoise_files, enhance_files, reconstruct_files

_CLASSICAL = {"Non-local means": "nlm", "Total variation": "tv"}
_CONTRASTS = {
    "percentile": "Percentiles stretched",
    "clahe": "Local histograms equalised (CLAHE)",
    "zscore": "Mean 0, standard deviation 1",
    "none": "As it is",
}


@dataclass(frozen=True)
class Plan:
    """Something to do to a scan.

    Attributes:
        words: For the result: ``denoised with denoise 0.1``.
        repair: Does it.
        same_units: Values before and after have the same unit.
    """

    words: str
    repair: Repair
    same_units: bool = True


def plans() -> dict[str, Callable[[Session], Plan]]:
    """Return what is offered, by its name: draws the options and returns the plan."""
    models = image_bundles()
    offered: dict[str, Callable[[Session], Plan]] = {
        "Denoise": lambda mine: _denoise(mine, _by_name(models.get("rician", [])))
    }
    if "cartesian" in models:
        offered["Reconstruct from k-space"] = lambda mine: _reconstruct(mine, _by_name(models["cartesian"]))
    if "thick_slices" in models:
        offered["Thin slices"] = lambda mine: _thin(mine, _by_name(models["thick_slices"]))
    offered["Enhance"] = _enhance
    return offered


def _by_name(bundles: list[Bundle]) -> dict[str, Bundle]:
    return {f"Network {bundle.name} {bundle.manifest.version}": bundle for bundle in bundles}


def _low(words: str) -> str:
    return words[:1].lower() + words[1:]


def _denoise(mine: Session, models: Mapping[str, Bundle]) -> Plan:
    how = kept_choice(mine, "Method", [*models, *_CLASSICAL], "denoiser")
    if how in models:
        folder = models[how].folder
        return Plan(
            f"denoised by {_low(how)}",
            lambda inputs, out, watch: denoise_files(inputs, out, bundle=folder, watch=watch),
        )
    percent = st.number_input("Noise, % of the brain's 99th percentile (0: estimated)", 0.0, MOST_NOISE, 0.0, 1.0)
    method = cast("Denoiser", _CLASSICAL[how])
    return Plan(
        f"denoised by {_low(how)}",
        lambda inputs, out, watch: denoise_files(inputs, out, method=method, noise=percent or None, watch=watch),
    )


def _reconstruct(mine: Session, models: Mapping[str, Bundle]) -> Plan:
    how = kept_choice(mine, "Method", [*models], "reconstructor")
    rate = int(kept_choice(mine, "Fewer lines (R)", ["4", "2", "8"], "acceleration"))
    st.caption("K-space is simulated from the magnitude image (one coil, no noise); scanner data are harder.")
    folder = models[how].folder
    return Plan(
        f"reconstructed by {_low(how)} from simulated k-space, R = {rate}",
        lambda inputs, out, watch: reconstruct_files(inputs, out, acceleration=rate, bundle=folder, watch=watch),
    )


def _thin(mine: Session, models: Mapping[str, Bundle]) -> Plan:
    how = kept_choice(mine, "Method", [*models], "thinner")
    number = int(kept_choice(mine, "Thin slices per thick one", ["3", "5", "2"], "thin"))
    st.caption("Thin slices are guessed; shown beside cubic interpolation, on the finer grid.")
    folder = models[how].folder
    return Plan(
        f"{number} slices per slice, guessed by {_low(how)}",
        lambda inputs, out, watch: reconstruct_files(inputs, out, thin=number, bundle=folder, watch=watch),
    )


def _enhance(mine: Session) -> Plan:
    bias = st.checkbox("Correct the bias field (N4)", value=True)
    words = [_CONTRASTS[name] for name in ("percentile", *(c for c in get_args(Contrast) if c != "percentile"))]
    chosen = kept_choice(mine, "Contrast", words, "contrast")
    contrast = cast("Contrast", next(name for name, text in _CONTRASTS.items() if text == chosen))
    done = [*(["bias field corrected"] if bias else []), *([] if contrast == "none" else [f"{contrast} contrast"])]
    return Plan(
        f"enhanced: {', '.join(done) or 'nothing'}",
        lambda inputs, out, watch: enhance_files(inputs, out, bias=bias, contrast=contrast, watch=watch),
        same_units=contrast == "none",
    )
