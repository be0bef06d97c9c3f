"""Networks with parts of their own (gates, dilation, levels that answer in training only) give the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tiny_bundles import manifest, save_tiny
from tumorscope.inference.runtimes.select import open_runtime


@pytest.mark.parametrize(
    ("network", "args"),
    [
        ("resunet", {"filters": [4, 8], "bottleneck": 16}),
        ("attention-resunet", {"filters": [4, 8, 16]}),
        ("deeplabv3plus", {"encoder_weights": "none", "channels": 16, "low_level_channels": 8}),
    ],
)
def test_runtimes_agree(network: str, args: dict[str, Any], tmp_path: Path) -> None:
    made = manifest(network=network, size=(64, 48)).model_copy(update={"network_args": args})
    bundle = save_tiny(tmp_path, made)
    batch = np.random.default_rng(0).normal(size=(2, made.preprocess.channels, 64, 48)).astype(np.float32)
    first, second = (open_runtime(bundle, name, "cpu", "float32").run(batch) for name in ("torch", "openvino"))
    assert first.shape == second.shape == (2, 3, 64, 48)
    assert np.ptp(first) > 1e-3
    np.testing.assert_allclose(first, second, atol=2e-3 * max(1.0, float(np.abs(first).max())))
