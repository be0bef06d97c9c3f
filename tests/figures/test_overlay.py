import io
import time

import numpy as np
from PIL import Image as pillow

from tiny_bundles import head, image
from tumorscope.core.image import Image
from tumorscope.core.labels import BINARY, BRATS, SCHEMES
from tumorscope.core.segmentation import Segmentation
from tumorscope.core.sequence import Sequence
from tumorscope.figures.colours import class_colours, outlines
from tumorscope.figures.overlay import overlay_figure
from tumorscope.figures.save import png_bytes, write_figure
from tumorscope.formats.picture import RasterInfo
from tumorscope.formats.raster import planes_to_images


def _study(shape=(60, 70, 30), known=True, spacing=(1, 1, 2)):
    scan = image(head(shape), spacing, spacing_known=known)
    labels = np.zeros(shape, dtype=np.uint8)
    labels[15:30, 20:40, shape[2] // 3 : shape[2] // 3 * 2 + 1] = 2
    labels[18:26, 25:35, shape[2] // 2] = 1
    labels[20:24, 28:32, shape[2] // 2] = 4
    return {Sequence.FLAIR: scan, Sequence.T1CE: scan}, Segmentation(scan.with_data(labels), BRATS)


def _pixels(figure):
    return np.asarray(pillow.open(io.BytesIO(png_bytes(figure))).convert("RGB")).astype(int)


def _texts(figure):
    return [t.get_text() for axes in figure.axes for t in axes.texts] + [t.get_text() for t in figure.texts]


def test_a_volume_shows_three_planes_with_marks():
    images, segmentation = _study()
    figure = overlay_figure(images, segmentation, title="case 7")
    assert len(figure.axes) == 8
    texts = _texts(figure)
    assert {"case 7", "FLAIR", "T1CE", "R", "L", "A", "P", "S", "I", "50 mm", "Research use only"} <= set(texts)
    assert [t.get_text() for t in figure.legends[0].get_texts()][1] == "ED: oedema"


def test_every_class_is_visible_in_its_colour():
    images, segmentation = _study()
    pixels = _pixels(overlay_figure(images, segmentation, fill=1.0))
    for rgb in class_colours(BRATS).values():
        wanted = np.round(np.array(rgb) * 255)
        assert (np.abs(pixels - wanted).max(axis=2) < 12).sum() > 50


def test_true_proportions():
    images, segmentation = _study(spacing=(1, 1, 4))
    figure = overlay_figure(images, segmentation)
    sizes = [np.abs(np.diff(np.reshape(axes.images[0].get_extent(), (2, 2)))).ravel() for axes in figure.axes[:4]]
    np.testing.assert_allclose(sizes, [(60, 70), (60, 70), (60, 120), (70, 120)])
    assert all(axes.get_aspect() == 1.0 for axes in figure.axes)
    coronal = figure.axes[2].axis()
    assert abs(coronal[3] - coronal[2]) > 90, "30 slices of 4 mm"


def test_a_stack_without_spacing_claims_neither_sides_nor_millimetres():
    images, segmentation = _study(known=False)
    figure = overlay_figure(images, segmentation)
    assert len(figure.axes) == 8
    assert not {"R", "L", "A", "P", "50 mm"} & set(_texts(figure))
    assert any(t.startswith("slice ") for t in _texts(figure))


def test_a_picture_never_tells_left_from_right_even_with_spacing():
    planes = head((40, 50, 1)).transpose(2, 1, 0)[..., None]
    scan = planes_to_images(planes, RasterInfo("PNG", "grey", 1), None)[0]
    stated = Image(scan.data, scan.affine, spacing_known=True, header=scan.header)
    segmentation = Segmentation(stated.with_data((stated.data > 500).astype(np.uint8)), BINARY)
    figure = overlay_figure({Sequence.FLAIR: stated}, segmentation)
    assert len(figure.axes) == 2
    texts = set(_texts(figure))
    assert not {"R", "L", "A", "P"} & texts
    assert "20 mm" in texts, "50 mm would be longer than the picture"


def test_nothing_segmented_is_said():
    images, segmentation = _study()
    empty = Segmentation(segmentation.labels.with_data(np.zeros_like(segmentation.labels.data)), BRATS)
    assert "Nothing was segmented." in _texts(overlay_figure(images, empty))


def test_outlines_are_regions_in_the_colour_of_their_own_class():
    colours = class_colours(BRATS)
    assert outlines(BRATS) == {"WT": colours[2], "TC": colours[1], "ET": colours[4]}
    for scheme in SCHEMES.values():
        for palette in ("papers", "safe"):
            assert len(set(class_colours(scheme, palette).values())) == len(scheme.labels)


def test_drawing_leaves_no_global_state_and_is_repeatable():
    import sys

    images, segmentation = _study()
    first, second = (png_bytes(overlay_figure(images, segmentation)) for _ in range(2))
    assert first == second
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_writing_takes_less_than_a_second_of_computing(tmp_path):
    images, segmentation = _study((240, 240, 155), spacing=(1, 1, 1))
    overlay_figure(*_study())  # imports and fonts
    started = time.process_time()
    path = write_figure(overlay_figure(images, segmentation), tmp_path / "overlay.png")
    assert time.process_time() - started < 2.0  # measured 0.9 s; the margin is for slower machines
    assert pillow.open(path).format == "PNG"
    assert [p.name for p in tmp_path.iterdir()] == ["overlay.png"]
