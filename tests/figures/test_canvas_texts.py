"""Texts below a dark figure do not lie on one another."""

from __future__ import annotations

import pytest

from tumorscope.figures.canvas import CAUTION, canvas


@pytest.mark.parametrize("width", [1.0, 1.7, 4.0])
def test_the_legend_leaves_the_line_of_caution_free(width: float) -> None:
    figure, _ = canvas(1, [(width, 3.3)], legend=[((1.0, 0.0, 0.0), "tumor: tumour or abnormality")])
    figure.canvas.draw()
    caution = next(text for text in figure.texts if text.get_text() == CAUTION).get_window_extent()
    (legend,) = figure.legends
    assert not any(text.get_window_extent().overlaps(caution) for text in legend.get_texts())
