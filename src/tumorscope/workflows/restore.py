"""``denoise``, ``reconstruct`` and ``enhance`` on files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tumorscope.bundles.bundle import Bundle
from tumorscope.core.errors import InputError, UsageError
from tumorscope.core.image import Image
from tumorscope.core.watch import Watch, unwatched
from tumorscope.workflows.file_rows import FilesSummary
from tumorscope.workflows.image_files import Input, Product, process_files

Say = Callable[[str], Any] | None
Denoiser = Literal["network", "nlm", "tv"]
Contrast = Literal["none", "percentile", "zscore", "clahe"]
#: Share of voxels that are exactly 0 from which on a scan counts as skull-stripped.
_BLANK = 0.2
#: Percent of the brain's 99th percentile; with more, nothing of an image is left to find.
MOST_NOISE = 30.0
#: Slices lie so many times further apart than their pixels where they count as thick.
_THICK = 1.5
_CLASSICAL = {"nlm": "non-local means", "tv": "total variation"}


def denoise_files(
    inputs: Iterable[Input],
    output: str | Path,
    *,
    method: Denoiser = "network",
    bundle: str | Path | None = None,
    noise: float | None = None,
    say: Say = None,
    watch: Watch = unwatched,
) -> FilesSummary:
    """Take Rician noise out of images, slice by slice.

    Args:
        inputs: See :func:`~tumorscope.workflows.image_files.process_files`.
        output: Folder of the results.
        method: ``network``, or without one ``nlm`` (non-local means) or ``tv`` (total variation).
        bundle: Model of the network; default ``denoise``.
        noise: For nlm and tv: standard deviation of the noise in percent of the brain's 99th percentile; None: told
            by each slice's finest wavelets.
        say: Called with each line for people.
        watch: Told how far the work is; may stop it.

    Raises:
        UsageError: for a bundle that does something else, ``noise`` for the network, which is blind, or noise that is
            not above 0 and at most :data:`MOST_NOISE`.
        InputError: if the weights are damaged.
        OutputError: if ``output`` cannot be made.
    """
    if noise is not None and not 0 < noise <= MOST_NOISE:
        raise UsageError(
            expected=f"noise above 0, at most {MOST_NOISE:g} percent",
            found=f"{noise:g}",
            fix="Leave it out to estimate",
        )
    if method == "network":
        from tumorscope.inference.restorer import Restorer

        if noise is not None:
            raise UsageError(
                expected="--noise with --method nlm or tv",
                found="--method network, which sees for itself how strong the noise is",
                fix="Leave it out",
            )
        restorer = Restorer(Bundle.load(bundle or "denoise"), "rician")
        what = f"denoised with bundle {restorer.bundle.name}"

        def work(image: Image, watch: Watch) -> tuple[list[Product], list[str]]:
            return [Product("denoised", restorer.denoised(image, watch), what)], []

        return process_files(inputs, output, work, say, watch)
    if bundle is not None:
        raise UsageError(expected="--bundle with --method network", found=f"--method {method}", fix="Leave one out")
    return process_files(inputs, output, lambda image, watch: _classical(image, method, noise, watch), say, watch)


def _classical(image: Image, method: str, noise: float | None, watch: Watch) -> tuple[list[Product], list[str]]:
    from tumorscope.baselines.denoising import DENOISERS, estimate_noise
    from tumorscope.inference.restorer import from_slices, kept_background, scaled_slices

    slices, scale = scaled_slices(image)
    found, levels = np.zeros_like(slices), []
    for k in np.flatnonzero(slices.any(axis=(1, 2))):
        watch("denoising", float(k) / len(slices))
        sigma = estimate_noise(slices[k]) if noise is None else noise / 100
        levels.append(sigma)
        found[k] = DENOISERS[_CLASSICAL[method]](slices[k], max(sigma, 1e-4))
    level = 100 * float(np.median(levels)) if levels else 0.0
    told = "estimated" if noise is None else "as stated"
    notes = [f"Noise {level:.1f} % of the brain's 99th percentile ({told})."]
    return [
        Product(
            f"denoised-{method}",
            from_slices(kept_background(found, slices) * scale, image),
            f"denoised by {_CLASSICAL[method]}",
        )
    ], notes


def reconstruct_files(
    inputs: Iterable[Input],
    output: str | Path,
    *,
    acceleration: float | None = None,
    thin: int | None = None,
    bundle: str | Path | None = None,
    seed: int = 0,
    say: Say = None,
    watch: Watch = unwatched,
) -> FilesSummary:
    """Reconstruct images from measured k-space or from one simulated from them, or divide thick slices.

    Args:
        inputs: Magnitude images (see :func:`~tumorscope.workflows.image_files.process_files`), or ``.h5`` files with a
            complex data set ``kspace`` (slices, rows, columns) of one coil, zeros where nothing was measured.
        output: Folder of the results.
        acceleration: Simulate so many times fewer lines and reconstruct; both images are written.
        thin: Divide each slice into so many; along the axis with the longest voxels. Voxels that are known to be no
            longer than wide are refused.
        bundle: Model; default ``reconstruct``, with ``thin`` ``thin-slices``.
        seed: Of the simulated mask and phase.
        say: Called with each line for people.
        watch: Told how far the work is; may stop it.

    Raises:
        UsageError: if it is not said what to do with images, or the bundle does something else.
        InputError: if the weights are damaged.
        OutputError: if ``output`` cannot be made.
    """
    from tumorscope.inference.restorer import Restorer

    given = list(inputs)
    measured = [Path(p) for p in given if not isinstance(p, tuple) and Path(p).suffix.lower() in (".h5", ".hdf5")]
    images = [p for p in given if isinstance(p, tuple) or Path(p) not in measured]
    if acceleration is not None and thin is not None:
        raise UsageError(expected="--acceleration or --thin", found="both", fix="Leave one out")
    if acceleration is None and thin is None and images:
        raise UsageError(
            expected="--acceleration R (simulate k-space) or --thin N (divide slices) for images",
            found="neither",
            fix="State one, or give k-space as .h5",
        )
    if acceleration is not None and not 1 < acceleration <= 16:
        raise UsageError(expected="an acceleration above 1, at most 16", found=f"{acceleration:g}", fix="Try 4")
    if thin is not None and not 2 <= thin <= 8:
        raise UsageError(expected="2 to 8 thin slices per thick one", found=f"{thin}", fix="Try 3")
    if thin is not None:
        restorer = Restorer(Bundle.load(bundle or "thin-slices"), "thick_slices")
        return process_files(given, output, lambda image, watch: _thinned(restorer, image, thin, watch), say, watch)
    restorer = Restorer(Bundle.load(bundle or "reconstruct"), "cartesian")
    summary = FilesSummary(str(output))
    if images:
        assert acceleration is not None
        work = lambda image, watch: _simulated(restorer, image, acceleration, seed, watch)  # noqa: E731
        summary = process_files(images, output, work, say, watch)
    if measured:
        from tumorscope.workflows.kspace import reconstruct_kspace

        summary.files += reconstruct_kspace(measured, Path(output), restorer, say)
    return summary


def _simulated(
    restorer: Any, image: Image, acceleration: float, seed: int, watch: Watch
) -> tuple[list[Product], list[str]]:
    filled, found = restorer.undersampled(image, acceleration, seed, watch)
    told = f"from k-space simulated from the magnitude, R = {acceleration:g}"
    name = f"R{acceleration:g}"
    products = [
        Product(f"zero-filled-{name}", filled, f"zero-filled {told}"),
        Product(f"reconstructed-{name}", found, f"reconstructed {told}"),
    ]
    notes = ["K-space was simulated from the magnitude image (one coil, no noise): no scanner measured it."]
    notes += _unlearned(restorer, acceleration, "R = {}")
    if (image.data == 0).mean() > _BLANK:
        notes.append("Background that was exactly 0 is no longer: mask the brain again before you segment.")
    return products, notes


def _thinned(restorer: Any, image: Image, factor: int, watch: Watch) -> tuple[list[Product], list[str]]:
    axis = 2 - int(np.argmax(image.spacing[::-1]))  # of equal ones the last, along which slices lie as a rule
    ratio = image.spacing[axis] / min(image.spacing)
    if ratio < _THICK and image.spacing_known:
        raise InputError(
            expected=f"thick slices: voxels {_THICK} times as long as wide, or more",
            found=f"{ratio:.1f} times in {image.source or 'the image'}",
            fix="Use it as it is: there is nothing to divide",
        )
    cubic, found = restorer.thinned(image, axis, factor, watch)
    notes = [] if image.spacing_known else ["How thick its slices are is not known; they may be none."]
    notes += _unlearned(restorer, factor, "{} slices per slice")
    products = [
        Product(f"cubic-{factor}", cubic, f"{factor} slices per slice, cubic interpolation"),
        Product(f"thin-{factor}", found, f"{factor} slices per slice, guessed by bundle {restorer.bundle.name}"),
    ]
    return products, notes


def _unlearned(restorer: Any, level: float, words: str) -> list[str]:
    """Return a note where a model never saw that much of what it undoes."""
    levels = restorer.degradation.levels
    if level in levels:
        return []
    learned = words.format(", ".join(f"{one:g}" for one in levels))
    return [f"Bundle {restorer.bundle.name} learned {learned}, not {level:g}: how good this is was never measured."]


def enhance_files(
    inputs: Iterable[Input],
    output: str | Path,
    *,
    bias: bool = True,
    contrast: Contrast = "percentile",
    say: Say = None,
    watch: Watch = unwatched,
) -> FilesSummary:
    """Correct the bias field (N4) and normalise the contrast.

    Args:
        inputs: See :func:`~tumorscope.workflows.image_files.process_files`.
        output: Folder of the results.
        bias: Correct the bias field of volumes; single slices are left as they are.
        contrast: ``percentile``: 0.5th to 99.5th percentile of what is not background to 0 to 1000 (pictures: their
            whole range); ``zscore``: mean 0 and standard deviation 1 there (not for pictures); ``clahe``: local
            histogram equalisation, slice by slice (Zuiderveld 1994), on top of ``percentile``; ``none``.
        say: Called with each line for people.
        watch: Told how far the work is; may stop it.

    Raises:
        UsageError: if there is nothing to do.
        OutputError: if ``output`` cannot be made.
    """
    if not bias and contrast == "none":
        raise UsageError(expected="something to do", found="--no-bias and --contrast none", fix="Leave one of them out")
    return process_files(inputs, output, lambda image, watch: _enhanced(image, bias, contrast, watch), say, watch)


def _enhanced(image: Image, bias: bool, contrast: Contrast, watch: Watch) -> tuple[list[Product], list[str]]:
    from tumorscope.study.bias import correct_bias

    done, notes = [], []
    found = image
    if bias and min(image.shape) >= 8:
        watch("correcting the bias field", 0.1)
        found = correct_bias(image)
        done.append("N4 bias field")
    elif bias:
        notes.append("The bias field was not corrected: that needs a volume of 8 slices or more.")
    if contrast != "none":
        watch("adjusting the contrast", 0.8)
        found = _with_contrast(found, image, contrast)
        done.append(f"{contrast} contrast")
    if not done:
        raise InputError(expected="a volume", found=f"shape {image.shape} in {image.source}", fix="Choose a --contrast")
    return [Product("enhanced", found, " and ".join(done))], notes


def _with_contrast(found: Image, original: Image, contrast: Contrast) -> Image:
    from tumorscope.transforms.normalise import clip_minmax, zscore_nonzero

    if contrast == "zscore":
        if not original.spacing_known:
            raise InputError(
                expected="a volume for --contrast zscore, whose values are negative too",
                found=f"a picture, {original.source}",
                fix="Use --contrast percentile",
            )
        return found.with_data(zscore_nonzero(found.data, 0.0))
    scaled = clip_minmax(found.data, 0.0)
    if contrast == "clahe":
        from skimage.exposure import equalize_adapthist

        slices = [equalize_adapthist(scaled[:, :, k], clip_limit=0.01) for k in range(scaled.shape[2])]
        scaled = np.where(found.data != 0, np.stack(slices, axis=2), 0).astype(np.float32)
    whole = original.data.dtype.kind in "iu" and not original.spacing_known
    if whole:
        top = float(np.iinfo(original.data.dtype).max)
    else:
        top = 1000.0 if original.spacing_known else float(original.data.max())
    return found.with_data((scaled * top).astype(np.float32))
