"""How far two sets of images lie apart in the features of a network: Fréchet (FID) and kernel (KID) distance."""

from __future__ import annotations

import numpy as np
from scipy.linalg import sqrtm

from tumorscope.core.errors import InputError
from tumorscope.metrics.metric import FloatArray


def frechet_distance(first: FloatArray, second: FloatArray) -> float:
    """Return the Fréchet distance of normal distributions fitted to two sets of features (Heusel et al., NeurIPS 2017).

    It falls with n: compare values of equal n only, and beside the distance of two real sets of that n.

    Args:
        first: Features (N, D).
        second: Features (M, D).

    Raises:
        InputError: if a set has fewer than two rows.
    """
    _check(first, second)
    means = [x.mean(axis=0) for x in (first, second)]
    covariances = [np.atleast_2d(np.cov(x, rowvar=False)) for x in (first, second)]
    root = np.asarray(sqrtm(covariances[0] @ covariances[1]))
    trace = float(np.trace(root).real)
    gap = float(((means[0] - means[1]) ** 2).sum())
    return max(0.0, gap + float(np.trace(covariances[0]) + np.trace(covariances[1])) - 2 * trace)


def kernel_distance(first: FloatArray, second: FloatArray) -> float:
    """Return the squared maximum mean discrepancy with kernel (x·y / D + 1)³, unbiased (Bińkowski et al., 2018).

    Unlike the Fréchet distance it does not depend on n on average; it can fall below 0.

    Args:
        first: Features (N, D).
        second: Features (M, D).

    Raises:
        InputError: if a set has fewer than two rows.
    """
    _check(first, second)
    width = first.shape[1]
    within = []
    for rows in (first, second):
        kernel = (rows @ rows.T / width + 1) ** 3
        n = len(rows)
        within.append((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))
    between = ((first @ second.T / width + 1) ** 3).mean()
    return float(within[0] + within[1] - 2 * between)


def _check(first: FloatArray, second: FloatArray) -> None:
    if min(len(first), len(second)) < 2:
        raise InputError(
            expected="at least two images on each side",
            found=f"{len(first)} and {len(second)}",
            fix="Give more images",
        )
