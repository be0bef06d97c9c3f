"""Average several bundles of one recipe into one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tumorscope.bundles.bundle import Bundle, save_bundle
from tumorscope.bundles.card import render_card
from tumorscope.core.errors import UsageError


def ensemble(bundles: Sequence[str | Path], output: str | Path) -> Bundle:
    """Write a bundle whose members are those of ``bundles``; their probabilities are averaged when it runs.

    Args:
        bundles: Names or folders; all of the same network, input, outputs and test patients.
        output: Folder of the new bundle.

    Raises:
        UsageError: if there are fewer than two, or they do not fit together.
    """
    loaded = [Bundle.load(b) for b in bundles]
    if len(loaded) < 2:
        raise UsageError(expected="at least two bundles", found=f"{len(loaded)}", fix="Name the bundles to average")
    first = loaded[0].manifest
    for bundle in loaded[1:]:
        other = bundle.manifest
        for what in ("network", "network_args", "preprocess", "outputs", "scheme", "classes"):
            if getattr(first, what) != getattr(other, what):
                raise UsageError(
                    expected=f"bundles with the same {what}",
                    found=f"another in {bundle.folder}",
                    fix="Average bundles trained from one recipe",
                )
    splits = [b.manifest.training.split for b in loaded]
    tests = [set(s.get("parts", {}).get("test", [])) for s in splits]
    if any(t != tests[0] for t in tests):
        raise UsageError(
            expected="bundles with the same test patients",
            found="different ones: some member would have trained on another's test patients",
            fix="Train them with one fixed test list (data.held_out)",
        )
    training = first.training.model_copy(
        update={
            "case_hashes": sorted({h for b in loaded for h in b.manifest.training.case_hashes}),
            "split": _joined_split([b.manifest.training.split for b in loaded]),
            "manifest": {"members": [b.manifest.training.manifest for b in loaded]},
        }
    )
    manifest = first.model_copy(update={"training": training, "scores": []})
    states = [dict(network.state_dict()) for b in loaded for network in b.load_networks()]
    return save_bundle(output, manifest, states, render_card(manifest))


def _joined_split(splits: list[dict[str, object]]) -> dict[str, object]:
    """Return what the members' splits have in common: the test part; who trained one validated another."""
    parts = [s["parts"] for s in splits]
    together = sorted({c for p in parts if isinstance(p, dict) for part in ("train", "val") for c in p.get(part, [])})
    first = parts[0]
    test = first.get("test", []) if isinstance(first, dict) else []
    return {
        "dataset": splits[0].get("dataset"),
        "unit": splits[0].get("unit"),
        "seed": ", ".join(str(s.get("seed")) for s in splits),
        "hash": "+".join(str(s.get("hash")) for s in splits),
        "parts": {"train or val": together, "test": test},
    }
