"""Parameters and operations of a bundle."""

from __future__ import annotations

from pathlib import Path

from tiny_bundles import manifest, save_tiny
from tumorscope.inference.cost import COUNTED, CountingRuntime, input_shape, network_cost
from tumorscope.inference.predictor import Predictor


def test_known_network(tmp_path: Path) -> None:
    """TinyNetwork on (6, 64, 64): 6→8 at half size, 8→3 at half size, 3×3 each."""
    bundle = save_tiny(tmp_path, manifest())
    cost = network_cost(bundle)
    assert cost.input_shape == input_shape(bundle) == (6, 64, 64)
    assert cost.parameters == (6 * 8 * 9 + 8) + 16 + (8 * 3 * 9 + 3)
    assert cost.flops == 2 * 9 * (6 * 8 + 8 * 3) * 32 * 32
    assert cost.to_json()["counted"] == COUNTED


def test_members_add_up(tmp_path: Path) -> None:
    one, two = (network_cost(save_tiny(tmp_path / str(n), manifest(), members=n)) for n in (1, 2))
    assert (two.flops, two.parameters, two.members) == (2 * one.flops, 2 * one.parameters, 2)


def test_inputs_are_counted_mirrored_ones_too(tmp_path: Path) -> None:
    from tiny_bundles import EchoRuntime, head, image
    from tumorscope.core.sequence import Sequence

    bundle = save_tiny(tmp_path, manifest())
    study = {s: image(head()) for s in (Sequence.T1CE, Sequence.FLAIR)}
    for tta in (False, True):
        counting = CountingRuntime(EchoRuntime(2, 3))
        Predictor(bundle, counting, tta=tta).predict(study)
        filled = sum(head()[..., z].any() for z in range(head().shape[2]))
        assert counting.inputs == filled * (1 + tta)
