"""nilearn's plots of a study: anat, epi, img and roi (S4-74), the patient's right on the left of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tumorscope.core.image import Array, Image
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.figures.canvas import canvas
from tumorscope.figures.colours import RGB, Palette, class_colours, legend_of
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.stage import Stage
from tumorscope.figures.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NOTE = (
    "Drawn by nilearn; numbers are world coordinates in mm (RAS+). R is the patient's right; in the sagittal slice, on "
    "the left, anterior is on the left."
)


def anat_figure(study: Study, *, sequence: Sequence | None = None) -> Figure:
    """Draw nilearn's ``plot_anat``: a sequence in grey.

    Args:
        study: A volume of known voxel size.
        sequence: What to show; default the best for glioma.

    Raises:
        GeometryError: if there is one slice only, or the voxel size is not known.
        UsageError: if the study lacks the sequence.
    """
    return _plain(study, sequence, "plot_anat", "anatomy")


def epi_figure(study: Study, *, sequence: Sequence | None = None) -> Figure:
    """Draw nilearn's ``plot_epi``; the name means echo-planar images, here it shows the sequence chosen.

    Args:
        study: A volume of known voxel size.
        sequence: What to show; default the best for glioma.

    Raises:
        GeometryError: if there is one slice only, or the voxel size is not known.
        UsageError: if the study lacks the sequence.
    """
    return _plain(study, sequence, "plot_epi", "epi")


def img_figure(study: Study, *, sequence: Sequence | None = None) -> Figure:
    """Draw nilearn's ``plot_img``: a sequence in colours with their scale.

    Args:
        study: A volume of known voxel size.
        sequence: What to show; default the best for glioma.

    Raises:
        GeometryError: if there is one slice only, or the voxel size is not known.
        UsageError: if the study lacks the sequence.
    """
    return _plain(study, sequence, "plot_img", "image", cmap="viridis", colorbar=True, black_bg=True)


def roi_figure(study: Study, *, sequence: Sequence | None = None, palette: Palette = "papers") -> Figure:
    """Draw nilearn's ``plot_roi``: the label map (the expert's, else the model's) on a sequence.

    Args:
        study: A volume of known voxel size with a label map.
        sequence: What lies below; default the best for glioma.
        palette: Colours of the classes.

    Raises:
        InputError: if there is no label map.
        GeometryError: if there is one slice only, or the voxel size is not known.
        UsageError: if the study lacks the sequence.
    """
    from matplotlib.colors import ListedColormap

    shown, marked = study.sequence(sequence), study.marked
    colours = class_colours(marked.scheme, palette)
    numbered = np.zeros(marked.labels.shape, dtype=np.uint8)
    for number, value in enumerate(marked.scheme.values, 1):
        numbered[marked.labels.data == value] = number
    options = {
        "bg_img": _nifti(study.images[shown], study.images[shown].data),
        "cmap": ListedColormap([(0.0, 0.0, 0.0), *(colours[value] for value in marked.scheme.values)]),
        "vmin": 0,
        "vmax": len(colours),
        "alpha": 0.65,
        "colorbar": False,
        "dim": 0,
    }
    stage = Stage({shown: study.images[shown]}, marked)
    title = f"{study.id}, {study.marked_by} on {shown} (nilearn plot_roi)"
    source = _nifti(marked.labels, numbered)
    return _drawn(stage, marked.labels, "plot_roi", source, title, legend_of(marked, palette), options)


def _plain(study: Study, sequence: Sequence | None, function: str, what: str, **options: Any) -> Figure:
    shown = study.sequence(sequence)
    image = study.images[shown]
    stage = Stage({shown: image}, *_label_maps(study))
    low, high = np.percentile(image.data[image.data > 0], (0.5, 99.7)) if (image.data > 0).any() else (0, 1)
    title = f"{study.id}, {shown} as {what} (nilearn {function})"
    options = {
        "cbar_tick_format": "%i",
        "vmin": 0.0 if function == "plot_img" else min(float(low), 0.0),
        "vmax": float(high),
        **options,
    }
    return _drawn(stage, image, function, _nifti(image, image.data), title, [], options)


def _label_maps(study: Study) -> list[Segmentation]:
    return [] if study.truth is None else [study.truth]


def _drawn(
    stage: Stage,
    image: Image,
    function: str,
    source: object,
    title: str,
    legend: list[tuple[RGB, str]],
    options: dict[str, Any],
) -> Figure:
    """Let nilearn draw into a figure of ours, so that pyplot's state stays as it was."""
    from nilearn import plotting

    stage.need_depth("nilearn's plots")
    figure, grid = canvas(1, [(2.9, 1.0)], title=title, legend=legend, note=_NOTE, row_inches=3.3)
    axes = figure.add_subplot(grid[0, 0])
    getattr(plotting, function)(
        source, cut_coords=world(stage, image), radiological=True, figure=figure, axes=axes, **options
    )
    return figure


def world(stage: Stage, image: Image) -> tuple[float, float, float]:
    """Return the place of interest in RAS+ mm."""
    from tumorscope.core.orientation import axcodes2ornt, io_orientation, ornt_transform

    left, posterior, superior = stage.centre()
    back = ornt_transform(axcodes2ornt("LPS"), io_orientation(image.affine))
    voxel = np.ones(4)
    for lps, (axis, flip) in zip((left, posterior, superior), back, strict=True):
        voxel[int(axis)] = lps if flip > 0 else image.shape[int(axis)] - 1 - lps
    x, y, z = (float(v) for v in (image.affine @ voxel)[:3])
    return x, y, z


def _nifti(image: Image, data: Array) -> object:
    import nibabel

    kind = np.uint8 if data.dtype == np.uint8 else np.float32
    return nibabel.Nifti1Image(np.asarray(data, dtype=kind), image.affine)


def _examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {"": {"study": sample_study(), "sequence": Sequence.T1CE}}


def _flair_examples() -> dict[str, dict[str, object]]:
    from tumorscope.figures.sample_study import sample_study

    return {"": {"study": sample_study()}}


ANAT = FigureEntry(
    title="nilearn: anatomy",
    section="pictures",
    draw=anat_figure,
    examples=_examples,
    caption="`plot_anat` of the phantom's T1CE.",
)
EPI = FigureEntry(
    title="nilearn: epi", section="pictures", draw=epi_figure, examples=_flair_examples, caption="`plot_epi` of FLAIR."
)
IMG = FigureEntry(
    title="nilearn: image",
    section="pictures",
    draw=img_figure,
    examples=_flair_examples,
    caption="`plot_img` of the phantom's FLAIR.",
)
ROI = FigureEntry(
    title="nilearn: regions",
    section="pictures",
    draw=roi_figure,
    examples=_examples,
    caption="`plot_roi` of the phantom's true map on T1CE.",
)
