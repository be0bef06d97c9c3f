"""PNG, JPEG, TIFF: every storage kind gives the same pixels in the same places; bad files give one sentence."""

import struct
import zlib
from pathlib import Path

import numpy as np
import png
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image as pillow

from tumorscope.core.errors import InputError, OutputError
from tumorscope.formats import raster as module
from tumorscope.formats import read_channels, read_image, write_png
from tumorscope.formats.raster import read_channels as read_raster

shared_folder = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ROWS, COLUMNS = 7, 11


def grey(dtype=np.uint8, seed=0, shape=(ROWS, COLUMNS)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 1000, shape).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype=dtype, endpoint=True)


def rgb(dtype=np.uint8, samples=3) -> np.ndarray:
    return grey(dtype, 1, (ROWS, COLUMNS, samples))


def assert_reads(path: Path, pixels: np.ndarray) -> None:
    """``pixels`` is (rows, columns) or (rows, columns, 3)."""
    channels = read_channels(path)
    expected = [pixels] if pixels.ndim == 2 else [pixels[..., c] for c in range(3)]
    assert len(channels) == len(expected)
    for image, plane in zip(channels, expected, strict=True):
        assert image.shape == (COLUMNS, ROWS, 1)
        assert image.data.dtype == plane.dtype
        np.testing.assert_array_equal(image.data[:, :, 0].T, plane)
        np.testing.assert_array_equal(image.affine, np.diag([-1, -1, 1, 1]))
        assert image.spacing_known is False
        assert image.orientation == "LPS"
        assert image.source == path


def test_row_and_column_are_where_the_convention_says(tmp_path):
    pixels = np.zeros((ROWS, COLUMNS), np.uint8)
    pixels[2, 9] = 200  # row 2, column 9
    pillow.fromarray(pixels).save(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png").data[9, 2, 0] == 200


# --- PNG -------------------------------------------------------------------------------------------------------


def save_deep(path: Path, pixels: np.ndarray, **kind) -> None:
    with path.open("wb") as stream:
        png.Writer(pixels.shape[1], pixels.shape[0], bitdepth=16, **kind).write(
            stream, pixels.reshape(pixels.shape[0], -1)
        )


def test_png_grey_8_and_16(tmp_path):
    for dtype in (np.uint8, np.uint16):
        pillow.fromarray(grey(dtype)).save(tmp_path / "x.png")
        assert_reads(tmp_path / "x.png", grey(dtype))


def test_png_colour_with_and_without_alpha(tmp_path):
    for samples, mode in ((3, "RGB"), (4, "RGBA")):
        pillow.fromarray(rgb(samples=samples)).save(tmp_path / "x.png")
        assert_reads(tmp_path / "x.png", rgb(samples=samples)[..., :3])
        assert read_channels(tmp_path / "x.png")[0].header.mode == mode


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("greyscale", [False, True])
def test_png_16_bit_keeps_every_bit(tmp_path, greyscale, alpha):
    colours = 1 if greyscale else 3
    pixels = rgb(np.uint16, colours + alpha)
    save_deep(tmp_path / "x.png", pixels, greyscale=greyscale, alpha=alpha)
    assert_reads(tmp_path / "x.png", pixels[..., 0] if greyscale else pixels[..., :3])


def test_png_grey_alpha(tmp_path):
    pillow.merge("LA", [pillow.fromarray(grey(seed=s)) for s in (0, 1)]).save(tmp_path / "x.png")
    assert_reads(tmp_path / "x.png", grey())


def test_png_palette_is_looked_up(tmp_path):
    index = grey() % 5
    table = np.array([[0, 0, 0], [255, 0, 0], [0, 128, 7], [1, 2, 3], [9, 9, 200]], np.uint8)
    picture = pillow.fromarray(index)
    picture.putpalette(table.ravel().tolist())
    picture.save(tmp_path / "x.png")
    assert pillow.open(tmp_path / "x.png").mode == "P"
    assert_reads(tmp_path / "x.png", table[index])


def test_png_grey_palette_is_grey(tmp_path):
    picture = pillow.fromarray(grey() % 5)
    picture.putpalette([v for k in range(5) for v in (k * 60,) * 3])
    picture.save(tmp_path / "x.png")
    assert_reads(tmp_path / "x.png", (grey() % 5) * np.uint8(60))


@pytest.mark.parametrize(("bits", "factor"), [(1, 255), (2, 85), (4, 17)])
def test_png_few_bits_are_stretched(tmp_path, bits, factor):
    pixels = grey() % 2**bits
    with (tmp_path / "x.png").open("wb") as stream:
        png.Writer(COLUMNS, ROWS, greyscale=True, bitdepth=bits).write(stream, pixels)
    assert_reads(tmp_path / "x.png", pixels * np.uint8(factor))


def test_png_dpi_is_no_spacing(tmp_path):
    pillow.fromarray(grey()).save(tmp_path / "x.png", dpi=(300, 300))
    assert_reads(tmp_path / "x.png", grey())


def test_colour_with_equal_channels_is_grey_unless_kept(tmp_path):
    pillow.fromarray(np.repeat(grey()[..., None], 3, axis=2)).save(tmp_path / "x.png")
    assert_reads(tmp_path / "x.png", grey())
    kept = read_raster(tmp_path / "x.png", keep_rgb=True)
    assert len(kept) == 3 and all(np.array_equal(image.data[..., 0].T, grey()) for image in kept)
    assert kept[0].header.channels == 3


def test_one_different_pixel_makes_it_colour(tmp_path):
    pixels = np.repeat(grey()[..., None], 3, axis=2)
    pixels[3, 4, 2] ^= 1
    pillow.fromarray(pixels).save(tmp_path / "x.png")
    assert_reads(tmp_path / "x.png", pixels)
    with pytest.raises(InputError, match="3 different colour channels"):
        read_image(tmp_path / "x.png")


# --- JPEG ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["jpg", "JPEG"])
def test_jpeg_grey(tmp_path, suffix):
    smooth = np.add.outer(np.arange(ROWS) * 9, np.arange(COLUMNS) * 5).astype(np.uint8)
    pillow.fromarray(smooth).save(tmp_path / f"x.{suffix}", format="JPEG", quality=95)
    image = read_image(tmp_path / f"x.{suffix}")
    assert np.abs(image.data[..., 0].T.astype(int) - smooth).max() <= 4
    assert image.header.kind == "JPEG"


def test_jpeg_colour_and_grey_saved_as_colour(tmp_path):
    smooth = np.add.outer(np.arange(ROWS) * 9, np.arange(COLUMNS) * 5).astype(np.uint8)
    pillow.fromarray(np.repeat(smooth[..., None], 3, 2)).save(tmp_path / "g.jpg")
    pillow.fromarray(np.stack([smooth, smooth // 2, smooth // 3], -1)).save(tmp_path / "c.jpg")
    assert len(read_channels(tmp_path / "g.jpg")) == 1
    assert len(read_channels(tmp_path / "c.jpg")) == 3


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_exif_orientation_is_not_applied_and_said(tmp_path, orientation, recwarn):
    smooth = np.add.outer(np.arange(ROWS) * 9, np.arange(COLUMNS) * 5).astype(np.uint8)
    exif = pillow.Exif()
    exif[0x0112] = orientation
    pillow.fromarray(smooth).save(tmp_path / "x.jpg", exif=exif, quality=95)
    image = read_image(tmp_path / "x.jpg")
    assert image.shape == (COLUMNS, ROWS, 1)
    assert np.abs(image.data[..., 0].T.astype(int) - smooth).max() <= 4
    assert image.header.orientation == orientation
    said = [str(w.message) for w in recwarn if "EXIF orientation" in str(w.message)]
    assert bool(said) == (orientation != 1)


# --- TIFF ------------------------------------------------------------------------------------------------------

TIFF_TYPES = [np.uint8, np.uint16, np.int16, np.uint32, np.float32, np.float64]


@pytest.mark.parametrize("dtype", TIFF_TYPES)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_tiff_grey(tmp_path, dtype, order, big):
    tifffile.imwrite(tmp_path / "x.tif", grey(dtype), byteorder=order, bigtiff=big)
    assert_reads(tmp_path / "x.tif", grey(dtype))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("samples", [3, 4])
def test_tiff_colour(tmp_path, dtype, planar, samples):
    pixels = rgb(dtype, samples)
    stored = pixels if planar == "contig" else np.moveaxis(pixels, 2, 0)
    extra = ["unassalpha"] if samples == 4 else None
    tifffile.imwrite(tmp_path / "x.TIFF", stored, photometric="rgb", planarconfig=planar, extrasamples=extra)
    assert_reads(tmp_path / "x.TIFF", pixels[..., :3])


@pytest.mark.parametrize("compression", ["zlib", "lzma"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_tiff_compressions_of_tifffile(tmp_path, compression, dtype):
    tifffile.imwrite(tmp_path / "x.tif", grey(dtype), compression=compression)
    assert_reads(tmp_path / "x.tif", grey(dtype))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_tiff_compressions_of_libtiff(tmp_path, compression, dtype):
    pillow.fromarray(grey(dtype)).save(tmp_path / "x.tif", compression=compression)
    assert_reads(tmp_path / "x.tif", grey(dtype))


def test_tiff_lzw_colour_and_stack(tmp_path):
    pillow.fromarray(rgb()).save(tmp_path / "x.tif", compression="tiff_lzw")
    assert_reads(tmp_path / "x.tif", rgb())
    pages = [pillow.fromarray(grey(seed=s)) for s in range(4)]
    pages[0].save(tmp_path / "s.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    image = read_image(tmp_path / "s.tif")
    assert image.shape == (COLUMNS, ROWS, 4)
    for k in range(4):
        np.testing.assert_array_equal(image.data[..., k].T, grey(seed=k))


def test_tiff_jpeg_compression(tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint8)
    pillow.fromarray(np.stack([smooth, smooth // 2, smooth], -1)).save(tmp_path / "x.tif", compression="jpeg")
    assert len(read_channels(tmp_path / "x.tif")) == 3


@pytest.mark.parametrize("samples", [1, 3])
def test_tiff_pages_are_slices(tmp_path, samples):
    volume = grey(np.uint16, shape=(5, ROWS, COLUMNS, samples))
    tifffile.imwrite(tmp_path / "x.tif", volume.squeeze(), photometric="rgb" if samples == 3 else "minisblack")
    images = read_channels(tmp_path / "x.tif")
    assert len(images) == samples
    for c, image in enumerate(images):
        np.testing.assert_array_equal(image.data.transpose(2, 1, 0), volume[..., c])


def test_tiff_pages_written_one_by_one(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.tif") as writer:
        for k in range(3):
            writer.write(grey(seed=k), contiguous=False, metadata=None)
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif").data[..., 2].T, grey(seed=2))


def test_tiff_imagej_stack(tmp_path):
    volume = grey(np.uint16, shape=(4, ROWS, COLUMNS))
    tifffile.imwrite(tmp_path / "x.tif", volume, imagej=True, metadata={"axes": "ZYX"})
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif").data.transpose(2, 1, 0), volume)


def test_tiff_imagej_channels(tmp_path):
    volume = grey(np.uint16, shape=(4, 2, ROWS, COLUMNS))
    tifffile.imwrite(tmp_path / "x.tif", volume, imagej=True, metadata={"axes": "ZCYX"})
    for c, image in enumerate(read_channels(tmp_path / "x.tif")):
        np.testing.assert_array_equal(image.data.transpose(2, 1, 0), volume[:, c])


def test_tiff_single_column_or_row(tmp_path):
    for shape in ((1, 9), (9, 1), (1, 1)):
        tifffile.imwrite(tmp_path / "x.tif", grey(shape=shape))
        assert read_image(tmp_path / "x.tif").shape == (*shape[::-1], 1)


def test_tiff_min_is_white_is_inverted(tmp_path):
    for dtype in (np.uint8, np.uint16):
        tifffile.imwrite(tmp_path / "x.tif", grey(dtype), photometric="miniswhite")
        assert_reads(tmp_path / "x.tif", np.iinfo(dtype).max - grey(dtype))


def test_tiff_bilevel(tmp_path):
    mask = grey() > 128
    pillow.fromarray(mask).save(tmp_path / "x.tif")
    assert_reads(tmp_path / "x.tif", mask.astype(np.uint8) * np.uint8(255))
    pillow.fromarray(mask).save(tmp_path / "x.tif", compression="group4")
    assert_reads(tmp_path / "x.tif", mask.astype(np.uint8) * np.uint8(255))


def test_tiff_palette(tmp_path):
    table = np.random.default_rng(0).integers(0, 256, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", grey(), photometric="palette", colormap=table * 257)
    assert_reads(tmp_path / "x.tif", table.astype(np.uint8)[:, grey()].transpose(1, 2, 0))


def test_tiff_resolution_is_no_spacing(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", grey(), resolution=(300, 300), resolutionunit="INCH")
    assert_reads(tmp_path / "x.tif", grey())


def test_tiff_thumbnail_page_is_ignored(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.tif") as writer:
        writer.write(grey(), metadata=None)
        writer.write(grey()[::2, ::2], subfiletype=1, metadata=None)
    assert_reads(tmp_path / "x.tif", grey())


def test_tiff_16_bit_lzw_colour_is_refused_rather_than_cut_to_8_bit(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", rgb(np.uint16), photometric="rgb")
    content = bytearray((tmp_path / "x.tif").read_bytes())
    at = content.find(struct.pack("<HHI", 259, 3, 1))  # the compression tag: 1 (none) → 5 (LZW)
    content[at + 8] = 5
    (tmp_path / "x.tif").write_bytes(content)
    with pytest.raises(InputError, match=r"16-bit colour .*LZW"):
        read_channels(tmp_path / "x.tif")


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_orientation_is_not_applied_and_said(tmp_path, order):
    tifffile.imwrite(tmp_path / "x.tif", grey(), byteorder=order, extratags=[(274, 3, 1, 6, True)])
    with pytest.warns(UserWarning, match="orientation 6 is not applied"):
        assert_reads(tmp_path / "x.tif", grey())


# --- writing ---------------------------------------------------------------------------------------------------


@shared_folder
@given(
    st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9))
    )
)
def test_png_written_reads_back_the_same(tmp_path, array):
    image = read_image(write_png(array, tmp_path / "x.png"))
    assert image.data.dtype == array.dtype
    np.testing.assert_array_equal(image.data[..., 0], array)


def test_png_written_from_bool_and_colour(tmp_path):
    mask = grey().T > 100
    np.testing.assert_array_equal(read_image(write_png(mask, tmp_path / "x.png")).data[..., 0], mask)
    picture = rgb().swapaxes(0, 1)
    for c, image in enumerate(read_channels(write_png(picture, tmp_path / "x.PNG"))):
        np.testing.assert_array_equal(image.data[..., 0], picture[..., c])


@pytest.mark.parametrize("array", [np.zeros((3, 3)), np.zeros((3, 3), np.int64), np.zeros((3, 3, 2), np.uint8)])
def test_png_of_another_type_is_refused(tmp_path, array):
    with pytest.raises(ValueError, match="uint8"):
        write_png(array, tmp_path / "x.png")
    with pytest.raises(OutputError, match=r"\.png"):
        write_png(np.zeros((3, 3), np.uint8), tmp_path / "x.jpg")
    assert list(tmp_path.iterdir()) == []


# --- bad input -------------------------------------------------------------------------------------------------


def png_bomb(width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    def header(depth: int, colour: int) -> bytes:
        return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))

    return b"\x89PNG\r\n\x1a\n" + header(8, 0) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def encoded(tmp_path: Path, name: str) -> bytes:
    path = tmp_path / f"good{Path(name).suffix}"
    pixels = grey(shape=(40, 50))
    tifffile.imwrite(path, pixels) if path.suffix == ".tif" else pillow.fromarray(pixels).save(path)
    return path.read_bytes()


NAMES = ["x.png", "x.jpg", "x.tif"]


def check_bad(path: Path, content: bytes, match: str) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=match) as caught:
        read_image(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_noise_text_and_nothing(tmp_path, name):
    check_bad(tmp_path / name, np.random.default_rng(0).bytes(5000), "other content")
    check_bad(tmp_path / name, b"not a picture at all", "other content")
    check_bad(tmp_path / name, b"\x00", "other content")
    check_bad(tmp_path / name, b"", "0 bytes")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.95])
def test_truncated(tmp_path, name, part):
    content = encoded(tmp_path, name)
    check_bad(tmp_path / name, content[: int(len(content) * part)], "damaged|other content|0 bytes")


def test_truncated_tiff_says_so(tmp_path):
    check_bad(tmp_path / "x.tif", encoded(tmp_path, "x.tif")[:-1], "it ends before its pixels do")


@pytest.mark.parametrize("name", NAMES)
def test_signature_then_noise(tmp_path, name):
    check_bad(tmp_path / name, encoded(tmp_path, name)[:8] + np.random.default_rng(0).bytes(3000), "damaged")


def test_missing_and_folder(tmp_path):
    with pytest.raises(InputError, match="nothing at"):
        read_image(tmp_path / "x.png")
    (tmp_path / "d.png").mkdir()
    with pytest.raises(InputError, match="the folder"):
        read_image(tmp_path / "d.png")


@pytest.mark.parametrize("size", [(14000, 14000), (60000, 60000), (2**31 - 1, 2**31 - 1)])
def test_decompression_bombs(tmp_path, size):
    check_bad(tmp_path / "x.png", png_bomb(*size), "at most 178956970 pixels")


def test_tiff_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr("tumorscope.formats.picture.MAX_PIXELS", 1000)
    tifffile.imwrite(tmp_path / "x.tif", grey(shape=(40, 50)), compression="zlib")
    with pytest.raises(InputError, match="at most 1000 pixels"):
        read_image(tmp_path / "x.tif")


def test_deep_png_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr("tumorscope.formats.picture.MAX_PIXELS", 10)
    save_deep(tmp_path / "x.png", rgb(np.uint16), greyscale=False)
    with pytest.raises(InputError, match="at most 10 pixels"):
        read_channels(tmp_path / "x.png")


def test_animation(tmp_path):
    frames = [pillow.fromarray(grey(seed=s)) for s in range(3)]
    frames[0].save(tmp_path / "x.png", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="animation"):
        read_image(tmp_path / "x.png")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_float_tiff_with_nan(tmp_path, bad):
    pixels = grey(np.float32)
    pixels[:2, 0] = bad
    tifffile.imwrite(tmp_path / "x.tif", pixels)
    with pytest.raises(InputError, match="2 of 77 voxels"):
        read_image(tmp_path / "x.tif")


def test_tiff_pages_of_different_size(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.tif") as writer:
        writer.write(grey(), metadata=None)
        writer.write(grey(shape=(3, 4)), metadata=None)
    with pytest.raises(InputError, match="pages of one size"):
        read_image(tmp_path / "x.tif")


def test_tiff_of_too_many_axes(tmp_path):
    tifffile.imwrite(
        tmp_path / "x.tif", grey(np.uint16, shape=(2, 3, ROWS, COLUMNS)), imagej=True, metadata={"axes": "TZYX"}
    )
    with pytest.raises(InputError, match="one stack"):
        read_image(tmp_path / "x.tif")


@settings(shared_folder, max_examples=80)
@given(
    name=st.sampled_from(NAMES),
    cut=st.integers(0, 3000),
    edits=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=4),
)
def test_no_damage_escapes_as_another_error(tmp_path, name, cut, edits):
    content = bytearray(encoded(tmp_path, name))
    content = content[: max(1, len(content) - cut)]
    for position, value in edits:
        content[position % len(content)] = value
    (tmp_path / name).write_bytes(content)
    try:
        read_channels(tmp_path / name)
    except InputError as error:
        assert name in str(error)


def test_names_are_only_a_hint(tmp_path):
    pillow.fromarray(grey()).save(tmp_path / "x.png")
    (tmp_path / "x.png").rename(tmp_path / "x.jpg")
    assert_reads(tmp_path / "x.jpg", grey())
    assert module.read_channels(tmp_path / "x.jpg")[0].header.kind == "PNG"


def test_tiff_lzw_keeps_the_stored_integer_type(tmp_path):
    """Pillow reads signed 16 bit as 32 bit; predictor 2 with LZW is what GIS and microscope software writes."""
    pillow.fromarray(grey(np.int32)).save(tmp_path / "x.tif", compression="tiff_lzw")
    assert_reads(tmp_path / "x.tif", grey(np.int32))
    pillow.fromarray(grey(np.uint16)).save(tmp_path / "x.tif", compression="tiff_lzw", tiffinfo={317: 2})
    assert_reads(tmp_path / "x.tif", grey(np.uint16))


@pytest.mark.parametrize("kind", ["tiled", "strips"])
def test_tiff_tiles_and_strips(tmp_path, kind):
    pixels = grey(np.uint16, shape=(40, 50))
    layout = {"tile": (16, 16)} if kind == "tiled" else {"rowsperstrip": 3}
    tifffile.imwrite(tmp_path / "x.tif", pixels, **layout)
    np.testing.assert_array_equal(read_image(tmp_path / "x.tif").data[..., 0].T, pixels)


@pytest.mark.parametrize("kind", ["zlib", "plain", "imagej", "lzw"])
def test_no_page_of_a_cut_stack_is_lost_in_silence(tmp_path, kind, capfd):
    volume = grey(shape=(4, ROWS, COLUMNS))
    path = tmp_path / "x.tif"
    if kind == "lzw":
        pages = [pillow.fromarray(page) for page in volume]
        pages[0].save(path, save_all=True, append_images=pages[1:], compression="tiff_lzw")
    else:
        options = {"zlib": {"compression": "zlib"}, "plain": {}, "imagej": {"imagej": True}}[kind]
        tifffile.imwrite(path, volume, **options)
    content = path.read_bytes()
    for cut in range(1, len(content), 7):
        path.write_bytes(content[:-cut])
        try:
            read = read_image(path)
        except InputError:
            continue
        np.testing.assert_array_equal(read.data.transpose(2, 1, 0), volume)
    assert "tifffile" not in capfd.readouterr().err
