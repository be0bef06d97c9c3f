"""Names and side files of the BIDS-derivatives layout."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from tumorscope.core.labels import LabelScheme

#: Files of ours that BIDS has no place for.
BIDSIGNORE = (
    "*/measurements.json\n*/report.html\n*/segmentation.dcm\n*/overlay.png\n*/slices/\nsummary.csv\ntimeline.*\n"
)


@dataclass(frozen=True)
class FileNames:
    """Where a case's maps go within its folder.

    Attributes:
        labels: The label map.
        probability: Pattern of a probability map; ``{}`` is the region or class.
        uncertainty: The entropy map.
        spread: The spread over the passes of test-time augmentation.
        legend: Table of label values; empty where the layout has none.
    """

    labels: str = "segmentation.nii.gz"
    probability: str = "probability_{}.nii.gz"
    uncertainty: str = "uncertainty.nii.gz"
    spread: str = "spread.nii.gz"
    legend: str = ""


def bids_subject(case_id: str) -> str:
    """Return ``sub-<label>``: BIDS labels hold letters and digits only."""
    return f"sub-{re.sub(r'[^0-9A-Za-z]', '', case_id) or 'case'}"


def bids_names(subject: str) -> FileNames:
    """Return the names of a subject's maps, in the scan's own space (no ``space`` entity)."""
    start = f"anat/{subject}"
    return FileNames(
        labels=f"{start}_dseg.nii.gz",
        probability=f"{start}_label-{{}}_probseg.nii.gz",
        uncertainty=f"{start}_desc-entropy_stat.nii.gz",
        spread=f"{start}_desc-spread_stat.nii.gz",
        legend=f"{start}_dseg.tsv",
    )


def dataset_description(version: str) -> str:
    """Return ``dataset_description.json`` of a derivatives data set (BIDS 1.10)."""
    return (
        json.dumps(
            {
                "Name": "tumorscope results",
                "BIDSVersion": "1.10.0",
                "DatasetType": "derivative",
                "GeneratedBy": [{"Name": "tumorscope", "Version": version, "Description": "Research use only"}],
            },
            indent=2,
        )
        + "\n"
    )


def dseg_tsv(scheme: LabelScheme) -> str:
    """Return the table of label values that goes with a ``dseg`` map."""
    rows = ["index\tname\tabbreviation\tcolor", "0\tbackground\tBG\t#000000"]
    for label in scheme.labels:
        colour = "#{:02x}{:02x}{:02x}".format(*label.safe_colour)
        rows.append(f"{label.value}\t{label.name}\t{re.sub(r'[^0-9A-Za-z]', '', label.name)}\t{colour}")
    return "\n".join(rows) + "\n"
