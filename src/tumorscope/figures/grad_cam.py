"""Where a classifier looked, beside the picture it was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tumorscope.core.errors import InputError
from tumorscope.core.image import Array
from tumorscope.figures.entry import FigureEntry
from tumorscope.figures.style import frame, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def grad_cam_figure(shown: Array, cam: Array | None, *, title: str = "", caption: str = "") -> Figure:
    """Draw a picture as a classifier sees it, and what spoke for its answer.

    Args:
        shown: (H, W), the prepared picture.
        cam: (H, W), none negative; None draws the picture alone.
        title: Line above.
        caption: Lines below.

    Raises:
        InputError: if the shapes differ.
    """
    if cam is not None and cam.shape != shown.shape:
        raise InputError(expected=f"a map of shape {shown.shape}", found=f"{cam.shape}", fix="Give the map as computed")
    figure = new_figure(6.4 if cam is not None else 3.4, 3.9)
    panels = figure.subplots(1, 1 if cam is None else 2, squeeze=False)[0]
    for axes in panels:
        axes.imshow(shown, cmap="gray", vmin=0, vmax=max(float(shown.max()), 1e-6))
        axes.set_axis_off()
    panels[0].set_title("as the model sees it", fontsize=9, loc="left")
    if cam is not None:
        top = max(float(cam.max()), 1e-12)
        panels[1].imshow(cam / top, cmap="inferno", vmin=0, vmax=1, alpha=np.clip(0.15 + cam / top, 0, 0.75))
        panels[1].set_title("what spoke for the answer (Grad-CAM)", fontsize=9, loc="left")
    frame(figure, title, caption)
    return figure


def _examples() -> dict[str, dict[str, object]]:
    from scipy.ndimage import gaussian_filter

    from tumorscope.core.image import Image
    from tumorscope.core.sequence import Sequence
    from tumorscope.figures.planes import oriented
    from tumorscope.figures.sample import sample_case

    case = sample_case()
    scan, label = case.images[Sequence.T1CE], case.label
    assert isinstance(scan, Image) and isinstance(label, Image)
    mask = oriented(label) > 0
    z = int(mask.sum(axis=(0, 1)).argmax())
    shown = oriented(scan)[:, :, z].T.astype(np.float32)
    return {"": {"shown": shown / shown.max(), "cam": gaussian_filter(mask[:, :, z].T.astype(np.float32), 4)}}


ENTRY = FigureEntry(
    title="Where a classifier looked",
    section="pictures",
    draw=grad_cam_figure,
    examples=_examples,
    caption="The phantom; the map is a stand-in: its tumour, blurred.",
)
