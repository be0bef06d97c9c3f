"""What about a result asks for a second look, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tumorscope.bundles.manifest import SubsetScore
from tumorscope.core.answer import NO_TUMOR

#: Predicted Dice below which a region is flagged.
LOW_DICE = 0.6
#: A region that loses more mean Dice than this with a case's sequences, against all of them, is flagged.
LOST_DICE = 0.05
#: An interval wider than this share of the expected volume is flagged.
WIDE = 0.75
#: Slices thicker than this (mm) are flagged (RANO asks for at most 5 mm).
THICK_MM = 5.0
#: Slices tilted more than this (degrees) from axial are flagged.
TILT_DEG = 25.0


def subset_flags(seen: SubsetScore, whole: SubsetScore) -> list[str]:
    """Return a sentence on the outputs that suffer from missing sequences; none if none does.

    Args:
        seen: How the model scores on its test patients with the case's sequences alone.
        whole: The same with all of its sequences.
    """
    worse = [
        f"{name} {dice:.2f} ({whole.dice[name]:.2f} with all sequences)"
        for name, dice in seen.dice.items()
        if whole.dice[name] - dice > LOST_DICE
    ]
    if not worse:
        return []
    shown = " and ".join(seen.sequences)
    return [f"Sequences are missing: with {shown} alone this model's mean Dice on test patients is {', '.join(worse)}."]


def type_flags(found: Mapping[str, Any] | None) -> list[str]:
    """Return what to doubt about a tumour type, one sentence each.

    An answer that there is no tumour need not look at one: nothing is said of where it looked.

    Args:
        found: ``tumor_type`` of a case's record; None where no classifier was asked.
    """
    if found is None or found["looked_at_tumour"] is None or found["type"] in (None, NO_TUMOR):
        return []
    inside, share = found["looked_at_tumour"], found["share_of_picture"]
    if inside > share:
        return []
    return [
        f"Tumour type: the classifier looked past the tumour ({inside:.1%} of Grad-CAM lies in what was segmented, "
        f"which is {share:.1%} of the picture)."
    ]


def quality_flags(measurements: Mapping[str, Any]) -> list[str]:
    """Return what a reader of the measurements should doubt, one sentence each.

    Args:
        measurements: From :func:`~tumorscope.workflows.assess.assess`.
    """
    flags = []
    regions = measurements["regions"]
    if not any(r["voxels"] for r in regions.values()):
        flags.append("Nothing was segmented.")
    for name, sure in ((measurements.get("uncertainty") or {}).get("regions") or {}).items():
        if sure["predicted_dice"] < LOW_DICE and (regions[name]["voxels"] or sure["expected_voxels"] > 1):
            flags.append(
                f"{name}: the model is unsure of this map (predicted Dice {sure['predicted_dice']:.2f}, "
                f"flagged below {LOW_DICE:g})."
            )
        low, high = sure["interval_voxels"]
        if regions[name]["voxels"] and sure["expected_voxels"] and (high - low) / sure["expected_voxels"] > WIDE:
            flags.append(f"{name}: the volume is uncertain (90 % interval wider than {WIDE:.0%} of the volume).")
    unit = "voxels" if measurements["spacing_known"] else "px"
    for name, region in regions.items():
        if name in measurements.get("at_edge", ()):
            flags.append(f"{name} reaches the edge of the scan: it may go on outside ({region['voxels']} {unit} seen).")
    return flags + _of_grid(measurements)


def _of_grid(measurements: Mapping[str, Any]) -> list[str]:
    plane, midline, flags = measurements["plane"], measurements.get("midline"), []
    if plane["slice_mm"] is not None and plane["slice_mm"] > THICK_MM:
        flags.append(f"Slices are {plane['slice_mm']:g} mm thick: sizes across them are coarse.")
    if plane["tilt_deg"] > TILT_DEG:
        flags.append(f"Slices are tilted by {plane['tilt_deg']:.0f}° from axial: axial diameters are measured in them.")
    if midline is not None and midline["method"] != "template":
        flags.append(midline["note"])
    return flags
