"""The result's files."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from tumorscope.workflows.view import Outcome

#: Beginning of the file's name → what it is; in the order of the page.
_WORDS = {
    "segmentation.nii": "Label map (NIfTI)",
    "segmentation.png": "Label map (PNG, label values)",
    "segmentation.dcm": "Label map (DICOM-SEG)",
    "report.html": "Report (HTML, prints on A4)",
    "summary.csv": "Volumes (CSV)",
    "measurements.json": "All measurements (JSON)",
    "overlay.png": "Overlay (PNG)",
    "type.png": "Tumour type (PNG)",
    "uncertainty.nii": "Uncertainty map (NIfTI)",
    "probability_": "Probability map",
}


def downloads(outcome: Outcome) -> None:
    """Draw a button per file."""
    files = [*sorted(p for p in outcome.folder.iterdir() if p.is_file()), outcome.folder.parent / "summary.csv"]
    ranked = sorted(files, key=lambda path: [path.name.startswith(start) for start in _WORDS].index(True))
    columns = st.columns(3)
    for number, path in enumerate(ranked):
        columns[number % 3].download_button(
            _title(path),
            data=path.read_bytes,
            file_name=f"{outcome.folder.name}_{path.name}",
            key=f"download-{path.name}",
            width="stretch",
            on_click="ignore",
        )


def _title(path: Path) -> str:
    words = next(text for start, text in _WORDS.items() if path.name.startswith(start))
    name = path.name.removeprefix("probability_").removesuffix(".nii.gz")
    return f"{words} {name} (NIfTI)" if path.name.startswith("probability_") else words
