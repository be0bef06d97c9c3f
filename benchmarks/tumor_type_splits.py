"""The splits that tumour-type classifiers are trained and scored by."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tumorscope.audit.apart import copied_by
from tumorscope.datasets.group_split import group_split
from tumorscope.datasets.splits import Split
from tumorscope.recipes.recipe import held_out

if TYPE_CHECKING:
    from tumor_type import Study


def make_splits(study: Study) -> None:
    """Write the splits that the models are trained by."""
    for draw in (0, 1):
        made = group_split(study.together, "four_class", (0.68, 0.15, 0.17), study.seed, held_out("figshare"), draw)
        _with_every_type(study, made).save(study.work / f"split-{draw}.json")
    training = [c for c in study.together if c.release_part == "train"]
    inner = group_split(training, "four_class", (0.92, 0.08, 0.0), study.seed)
    test = sorted(c.id for c in study.together if c.release_part == "test")
    parts = {"train": inner.parts["train"], "val": inner.parts["val"], "test": test}
    Split(dataset="four_class", unit="release", seed=study.seed, parts=parts).save(study.work / "split-release.json")


def _with_every_type(study: Study, split: Split) -> Split:
    """Give the validation part pictures of a type whose groups are all too large for it.

    Those of the second batch of gliomas are one group, because blocks 10 and 11 may share a patient. Look-alikes most
    of which copy the smaller block validate then; the test part is not touched.
    """
    kinds = {c.id: str(c.tumor_type) for c in study.cases["four_class"]}
    blocks: dict[str, Counter[str]] = {}
    patient = {s.id: s.patient for s in study.audited["figshare"].scans}
    for theirs, ours in copied_by(study.audited["four_class"], study.audited["figshare"]).items():
        for case in ours:
            blocks.setdefault(study.resampled[case], Counter())[patient[theirs]] += 1
    parts = {part: list(ids) for part, ids in split.parts.items()}
    for kind in sorted(set(kinds.values()) - {kinds[i] for i in parts["val"]}):
        own = [i for i in parts["train"] if kinds[i] == kind and study.resampled[i] in blocks]
        block = {i: blocks[study.resampled[i]].most_common(1)[0][0] for i in own}
        smallest = Counter(block.values()).most_common()[-1][0]
        moved = {i for i in own if block[i] == smallest}
        parts["train"] = [i for i in parts["train"] if i not in moved]
        parts["val"] = sorted([*parts["val"], *moved])
        print(f"{kind}: {len(moved)} pictures of {smallest} validate, {len(own) - len(moved)} train", flush=True)
    return Split(dataset=split.dataset, unit=split.unit, seed=split.seed, parts=parts)  # type: ignore[arg-type]
