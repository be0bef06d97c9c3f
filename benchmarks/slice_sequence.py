"""Train the network of `tumorscope.study.slice_sequence` and measure it: benchmarks/results/slice-sequence.json.

    python benchmarks/slice_sequence.py --brats DIR --lgg DIR --figshare DIR --work WORK [--epochs N] [--without lgg]

Slices of BraTS (three planes, some put into a made-up head), of LGG and of Figshare (T1CE only). Patients and blocks of
the fixed test lists train nothing, and neither does every fifth other one, on whom the limit is set; the scores are
those of the fixed test lists. With --without, a data set trains nothing and sets no limit, and no weights are written:
how well are slices of hospitals told that nobody trained on?
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tumorscope.core.files import atomic_path, ensure_folder, write_text
from tumorscope.core.image import Array, Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.datasets.phantom.skull import with_skull
from tumorscope.recipes.recipe import held_out
from tumorscope.study.slice_sequence import STRIDES, WEIGHTS, standard_view, surprise, view_probabilities
from tumorscope.transforms.augment import Augment, augment_batch
from tumorscope.transforms.grid import to_model_orientation

RESULTS = Path(__file__).parent / "results" / "slice-sequence.json"
KINDS = tuple(Sequence)
WIDTHS, KERNELS = (16, 32, 64, 64), (5, 3, 3, 3)
AUGMENT = Augment(
    flip_lr=0.5, flip_ud=0.2, rotate_deg=25, zoom=0.15, shift=0.06, intensity=0.15, gamma=0.3, noise=0.04,
    bias_field=0.15, blur=0.4,
)  # fmt: skip
#: Share of T1CE slices of the patients who set the limit that it lets pass, in the worst of the data sets.
PASSES = 0.96
#: Every so-many-th patient sets the limit; of BraTS every so-many-th is put into a head.
EVERY, IN_A_HEAD = 5, 5


@dataclass
class Slices:
    """Standard views (N, S, S) as uint8, and what each shows."""

    views: list[Array] = field(default_factory=list)
    rows: list[tuple[str, str, str, str, str]] = field(default_factory=list)

    def add(self, pixels: Array, source: str, sequence: str, patient: str, test: bool, where: str) -> None:
        """Keep a slice with something on it; everyone outside the test list trains or sets the limit."""
        if np.count_nonzero(pixels > 0) < 300:
            return
        limit = zlib.crc32(patient.encode()) % EVERY == 0
        part = "test" if test else "limit" if limit else "train"
        self.views.append(np.rint(255 * standard_view(pixels[None])[0]).astype(np.uint8))
        self.rows.append((source, sequence, patient, part, where))


def planes(volume: Array) -> dict[str, tuple[int, Callable[[int], Array]]]:
    """Return plane → number of its slices, and what gives one with rows downwards; volume is (left, posterior, up)."""
    sides = volume.shape
    return {
        "axial": (sides[2], lambda i: volume[:, :, i].T),
        "coronal": (sides[1], lambda i: volume[:, i, ::-1].T),
        "sagittal": (sides[0], lambda i: volume[i, :, ::-1].T),
    }


def _spread(areas: Array, count: int, least: float) -> set[int]:
    """Return some slices among those that show at least this share of the largest."""
    shown = np.flatnonzero(areas >= least * areas.max())
    return {int(shown[i]) for i in np.linspace(0, len(shown) - 1, count).round().astype(int)}


def brats(folder: Path, found: Slices) -> None:
    """Take slices of three planes of every patient, the one with most tumour among them."""
    fixed = set(held_out("brats"))
    for number, case in enumerate(DATASETS.load("brats").discover(folder)):
        loaded, test = case.loaded(), bool(case.names & fixed)
        assert isinstance(loaded.label, Image)
        marked = (to_model_orientation(loaded.label) > 0).sum(axis=(0, 1))
        for sequence, image in loaded.images.items():
            assert isinstance(image, Image)
            volume = np.maximum(to_model_orientation(image), 0)
            for plane, (count, view) in planes(volume).items():
                areas = np.array([np.count_nonzero(view(i)[::4, ::4]) for i in range(count)])
                for i in sorted(_spread(areas, 10 if plane == "axial" else 6, 0.6)):
                    found.add(view(i), "brats", sequence.name, case.patient, test, plane)
            found.add(volume[:, :, int(marked.argmax())].T, "brats", sequence.name, case.patient, test, "tumour")
            if number % IN_A_HEAD == 0 and not test:
                small = Image(np.ascontiguousarray(volume[::2, ::2, ::2]), np.diag([-2.0, -2.0, 2.0, 1.0]))
                head, brain = with_skull(small, sequence, seed=number)
                inside = to_model_orientation(head.with_data(brain.astype(np.uint8)))
                for plane, (_, view) in planes(to_model_orientation(head)).items():
                    count, mask = planes(inside)[plane]
                    areas = np.array([np.count_nonzero(mask(i)) for i in range(count)])
                    for i in sorted(_spread(areas, 10 if plane == "axial" else 6, 0.6)):
                        found.add(view(i), "brats in a head", sequence.name, case.patient, test, plane)
        print("brats", case.id, len(found.rows), flush=True)


def lgg(folder: Path, found: Slices) -> None:
    """Take axial slices of the upper two thirds of every patient's head, the one with most tumour among them."""
    fixed = set(held_out("lgg"))
    for case in DATASETS.load("lgg").discover(folder):
        loaded, test = case.loaded(), bool(case.names & fixed)
        assert isinstance(loaded.label, Image)
        most = int((to_model_orientation(loaded.label) > 0).sum(axis=(0, 1)).argmax())
        flair = loaded.images[Sequence.FLAIR]
        assert isinstance(flair, Image)
        areas = (to_model_orientation(flair) > 20).sum(axis=(0, 1))
        shown = np.flatnonzero(areas > 0.35 * areas.max())
        chosen = {int(shown[int(i)]) for i in np.linspace(0.3 * len(shown), 0.9 * len(shown) - 1, 9)}
        for sequence, image in loaded.images.items():
            assert isinstance(image, Image)
            volume = to_model_orientation(image)
            for z in sorted(chosen | {most}):
                where = "tumour" if z == most else "axial"
                found.add(volume[:, :, z].T, "lgg", sequence.name, case.patient, test, where)
    print("lgg", len(found.rows), flush=True)


def figshare(folder: Path, found: Slices) -> None:
    """Take every picture; blocks of the test list are tested."""
    fixed = set(held_out("figshare"))
    for case in DATASETS.load("figshare").discover(folder):
        image = case.loaded().images[Sequence.T1CE]
        assert isinstance(image, Image)
        found.add(image.data[:, :, 0].T, "figshare", "T1CE", case.patient, bool(case.names & fixed), "tumour")
    print("figshare", len(found.rows), flush=True)


def collected(given: argparse.Namespace) -> tuple[Array, Array]:
    """Return views (N, S, S) and rows (N, 5), kept in the working folder."""
    file = ensure_folder(given.work) / "slices.npz"
    if not file.is_file():
        found = Slices()
        for take, folder in ((brats, given.brats), (lgg, given.lgg), (figshare, given.figshare)):
            take(folder, found)
        with atomic_path(file) as scratch:
            np.savez(scratch, views=np.stack(found.views), rows=np.array(found.rows))
    with np.load(file) as stored:
        return stored["views"], stored["rows"]


class Network(nn.Module):
    """Convolutions, pooled by mean and maximum, and one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for width, kernel, stride in zip(WIDTHS, KERNELS, STRIDES, strict=True):
            layers += [
                nn.Conv2d(before, width, kernel, stride, kernel // 2, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            before = width
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * before, len(KINDS)))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 1, S, S) to logits (B, 4)."""
        f = self.body(x)
        return self.head(torch.cat([f.mean(dim=(2, 3)), f.amax(dim=(2, 3))], dim=1))

    def arrays(self) -> dict[str, Array]:
        """Return what the package reads: kernels with the normalisation folded in."""
        found = {}
        layers = list(self.body)
        for number in range(len(WIDTHS)):
            conv, norm = layers[3 * number], layers[3 * number + 1]
            factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            found[f"kernel{number}"] = (conv.weight * factor[:, None, None, None]).permute(2, 3, 1, 0)
            found[f"bias{number}"] = norm.bias - norm.running_mean * factor
        found |= {"kernel": self.head[1].weight.T, "bias": self.head[1].bias}
        return {name: value.detach().contiguous().numpy() for name, value in found.items()}


def batches(rows: Array, count: int, size: int, seed: int) -> Iterator[Array]:
    """Draw batches in which every sequence weighs alike, and within it every source."""
    source, sequence = rows[:, 0], rows[:, 1]
    weight = np.zeros(len(rows))
    for kind in KINDS:
        sources = np.unique(source[sequence == kind.name])
        for name in sources:
            own = (sequence == kind.name) & (source == name)
            weight[own] = 1 / len(sources) / own.sum()
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield rng.choice(len(rows), size, p=weight / weight.sum())


def train(views: Array, rows: Array, epochs: int, seed: int = 0, size: int = 64, each: int = 4096) -> Network:
    """Train for so many epochs of 4096 slices."""
    torch.manual_seed(seed)
    network = Network().to(memory_format=torch.channels_last)
    truth = torch.tensor([KINDS.index(Sequence[name]) for name in rows[:, 1]])
    steps = epochs * each // size
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps, pct_start=0.15)
    for step, chosen in enumerate(batches(rows, steps, size, seed)):
        x = torch.from_numpy(views[chosen].astype(np.float32) / 255)[:, None]
        x, _ = augment_batch(x, torch.zeros_like(x), AUGMENT, torch.Generator().manual_seed(1000 * step + seed), 1)
        logits = network(x.clamp(0, 1).contiguous(memory_format=torch.channels_last))
        loss = functional.cross_entropy(logits, truth[chosen], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 100 == 99:
            print(f"step {step + 1} of {steps}, loss {loss.item():.3f}", flush=True)
    return network.eval()


def scores(odd: Array, limit: float, rows: Array) -> dict[str, Any]:
    """Return how many slices of each source and sequence are beyond the limit."""
    found = {}
    for source in np.unique(rows[:, 0]):
        for kind in KINDS:
            own = (rows[:, 0] == source) & (rows[:, 1] == kind.name)
            most = own & (rows[:, 4] == "tumour")
            if own.any():
                found[f"{source} {kind.name}"] = {
                    "patients or blocks": len(np.unique(rows[own, 2])),
                    "slices": int(own.sum()),
                    "called another sequence": round(float((odd[own] > limit).mean()), 4),
                    "slices with most tumour": int(most.sum()),
                    "of these called another sequence": round(float((odd[most] > limit).mean()), 4)
                    if most.any()
                    else None,
                }
    return found


def main() -> None:
    """Collect, train, set the limit, score, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("brats", "lgg", "figshare", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--without", default="")
    given = parser.parse_args()
    views, rows = collected(given)
    part, known = rows[:, 3], ~np.char.startswith(rows[:, 0], given.without or "?")
    chosen = (part == "train") & known
    network = train(views[chosen], rows[chosen], given.epochs)
    arrays = {name: value.astype(np.float16) for name, value in network.arrays().items()}
    plain = {name: value.astype(np.float32) for name, value in arrays.items()}
    chance = np.concatenate(
        [view_probabilities(v / np.float32(255), plain) for v in np.array_split(views, len(views) // 50)]
    )
    odd = surprise(chance, Sequence.T1CE)
    own = (part == "limit") & (rows[:, 1] == "T1CE") & known
    limits = {s: float(np.quantile(odd[own & (rows[:, 0] == s)], PASSES)) for s in np.unique(rows[own, 0])}
    limit = max(limits.values())
    result = {
        "what": "slices called another sequence than T1 or T1CE, of patients on the fixed test lists",
        "trained on slices": int(chosen.sum()),
        "trained on patients or blocks": len(np.unique(rows[chosen, 2])),
        "surprise that lets 96 % of T1CE pass, by source": {k: round(v, 3) for k, v in limits.items()},
        "limit": round(limit, 3),
        "test": scores(odd[part == "test"], limit, rows[part == "test"]),
        "limit set on": scores(odd[part == "limit"], limit, rows[part == "limit"]),
    }
    print(json.dumps(result, indent=1))
    before = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    if given.without:
        found = before | {f"without {given.without}": result}
    else:
        with atomic_path(WEIGHTS) as scratch, scratch.open("wb") as handle:
            np.savez(handle, limit=np.float32(round(limit, 3)), **arrays)
        found = result | {name: value for name, value in before.items() if name.startswith("without ")}
    write_text(RESULTS, json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
