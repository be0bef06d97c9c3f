"""Write ``docs/tuning.md`` from a search's ``search.json``; nothing is typed by hand.

    python benchmarks/tuning_page.py [SEARCH]

With SEARCH, the folder of a finished ``tumorscope tune``, its numbers are first stored in
``benchmarks/results/tuning.json``; without, the stored ones are written again. Importances are computed anew from the
trials.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna

from tumorscope.core.files import write_text
from tumorscope.figures.importance import history_figure, importance_figure
from tumorscope.figures.save import write_figure
from tumorscope.training.importance import stored_importances
from tumorscope.training.search_space import parse_parameters

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
STORED = HERE / "results" / "tuning.json"
#: With fewer complete trials the page says that importances tell little.
FEW = 20
#: Searched key → what it is called, and what is known about it (S4-86), to be read beside what was found.
ADVICE = {
    "optimizer.lr": (
        "Learning rate",
        "Too high and the loss jumps or becomes no number; too low and the same quality takes many times the "
        "epochs. It matters most and interacts with optimiser and batch size, so search it first, on a "
        "logarithmic scale.",
    ),
    "optimizer.name": (
        "Optimiser",
        "Adam and RMSprop scale every weight's step themselves and are usable at 1e-4 to 1e-3; SGD (momentum 0.9 "
        "here) wants a rate ten to a hundred times higher and a schedule. Compare optimisers only with the rate "
        "searched for each.",
    ),
    "training.batch_size": (
        "Batch size",
        "Small batches make more and noisier steps per epoch and need little memory; large ones use the processor "
        "better but make fewer steps for the same slices, so a short run with a large batch is simply trained "
        "less.",
    ),
    "training.epochs": (
        "Epochs",
        "Too few under-fit; too many over-fit, which shows as a validation loss that rises while the training "
        "loss falls. The best epoch is kept, so more epochs cost time rather than quality; stop early instead of "
        "choosing a number.",
    ),
    "network.args.dropout": (
        "Dropout",
        "The papers take 20 %. 10 % regularises little, 50 % slows learning and can under-fit; what it prevents, "
        "over-fitting, shows only in runs much longer than those of a search.",
    ),
    "network.args.filters": (
        "Width",
        "Halving all widths quarters the cost. Wide networks gain with many slices and epochs; in a short run "
        "they may just be slower.",
    ),
    "optimizer.args.betas": (
        "Betas of Adam",
        "0.9 and 0.999 are the memory of the mean and of the square of the gradient. Lower the first when the "
        "loss oscillates, the second when gradients change their size quickly; other values seldom pay.",
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("search", type=Path, nargs="?")
    options = parser.parse_args()
    if options.search is not None:
        found = json.loads((options.search / "search.json").read_text(encoding="utf-8"))
        found["command"] = ""  # its paths are of the machine it ran on
    else:
        found = json.loads(STORED.read_text(encoding="utf-8"))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    importance = stored_importances(found["trials"], parse_parameters(found["space"]))
    found["importance"] = [dataclasses.asdict(one) for one in importance]
    write_text(STORED, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    complete = [t for t in found["trials"] if t["state"] == "complete"]
    pictures = DOCS / "tuning"
    pictures.mkdir(exist_ok=True)
    write_figure(history_figure(found["trials"], found["objective"]), pictures / "history.png")
    if found["importance"]:
        write_figure(importance_figure(found["importance"], len(complete)), pictures / "importance.png")
    write_text(DOCS / "tuning.md", page(found))


def page(found: Mapping[str, Any]) -> str:
    """Return the page."""
    parts = [HOW_TO, "## A real search", *summary(found), "", *trial_table(found), ""]
    parts += ["![Value of every trial in the order they began](tuning/history.png)", ""]
    if found["importance"]:
        parts += [
            "![Importance of each parameter with its interval](tuning/importance.png)",
            "",
            *importance_table(found),
        ]
    parts += ["", "## What to choose", "", *advice(found)]
    return "\n".join(parts).rstrip() + "\n"


def summary(found: Mapping[str, Any]) -> list[str]:
    """Return what was searched, on what, at what cost, and the best."""
    states = [t["state"] for t in found["trials"]]
    counts = ", ".join(f"{states.count(s)} {s}" for s in ("complete", "pruned", "failed", "unfinished") if s in states)
    seconds = sum(t["seconds"] or 0 for t in found["trials"])
    split, settings = found["split"], found["settings"]
    space = "".join(f"\n- `{text}`" for text in found["space"])
    best = next(t for t in found["trials"] if t["trial"] == found["best"])
    chosen = ", ".join(f"`{key}` {shown(value)}" for key, value in best["params"].items())
    return [
        "",
        f"Recipe `{found['recipe']}`, {settings['sampler']} sampler, {settings['pruner']} pruner, "
        f"seed {settings['seed']}; {split['train']} training and {split['val']} validation cases. "
        f"{len(states)} trials ({counts}) in {seconds / 60:.0f} minutes of training. Searched:\n{space}",
        "",
        f"Value: {found['score']}",
        "",
        f"Best: trial {best['trial']}, {found['objective']} {best['value']:.3f} at epoch {best['best_epoch']} of "
        f"{best['epochs']}: {chosen}.",
        "",
        "These are short runs: they rank settings for little training time and say little about a full run.",
    ]


def trial_table(found: Mapping[str, Any]) -> list[str]:
    """Return the trials, best first, those without a value last."""
    sign = -1 if found["objective"] == "val_dice" else 1
    order = ("complete", "pruned", "failed", "unfinished")
    ranked = sorted(
        found["trials"],
        key=lambda t: (order.index(t["state"]), math.inf if t["value"] is None else sign * t["value"], t["trial"]),
    )
    keys = [text.partition("=")[0] for text in found["space"]]
    rows = [
        f"| {t['trial']} | {t['state']} | {shown(t['value'])} | {t['best_epoch'] or ''} | {t['seconds'] or 0:.0f} | "
        f"{' | '.join(shown(t['params'].get(k)) for k in keys)} |"
        for t in ranked
    ]
    head = ["trial", "state", found["objective"], "best epoch", "seconds", *(f"`{key}`" for key in keys)]
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *rows]


def importance_table(found: Mapping[str, Any]) -> list[str]:
    """Return the importances with their intervals."""
    rows = [f"| `{i['key']}` | {i['share']:.2f} | {i['low']:.2f} to {i['high']:.2f} |" for i in found["importance"]]
    table = ["| parameter | importance | 95 % bootstrap interval |", "|---|---|---|", *rows]
    complete = sum(t["state"] == "complete" for t in found["trials"])
    if complete >= FEW:
        return table
    return [
        *table,
        "",
        f"From {complete} complete trials importances are hardly more than noise: see the intervals.",
    ]


def advice(found: Mapping[str, Any]) -> list[str]:
    """Return one paragraph per parameter: what is known, and what this search says."""
    searched = {text.partition("=")[0] for text in found["space"]}
    lines = []
    for key, (title, known) in ADVICE.items():
        seen = what_was_found(found, key) if key in searched else "Not part of this search."
        lines += [f"**{title}** (`{key}`). {known} {seen}", ""]
    return lines


def what_was_found(found: Mapping[str, Any], key: str) -> str:
    """Return the complete trials' values by the value of one parameter, and its importance."""
    complete = [t for t in found["trials"] if t["state"] == "complete" and key in t["params"]]
    groups: dict[str, list[float]] = defaultdict(list)
    for label, trial in zip(grouped([t["params"][key] for t in complete]), complete, strict=True):
        groups[label].append(trial["value"])
    medians = "; ".join(f"{label}: {statistics.median(v):.3f} (n = {len(v)})" for label, v in groups.items())
    share = next((i for i in found["importance"] if i["key"] == key), None)
    weight = "" if share is None else f" Importance {share['share']:.2f} ({share['low']:.2f} to {share['high']:.2f})."
    return f"Here, median {found['objective']} of the complete trials, by value: {medians}.{weight}"


def grouped(values: Sequence[Any]) -> list[str]:
    """Return a label per value: itself where few occur, else the third of the range it lies in, in order."""
    if len(set(map(str, values))) <= 6:
        return [shown(v) for v in values]
    ordered = sorted(values)
    low, high = ordered[len(ordered) // 3], ordered[2 * len(ordered) // 3]
    names = (f"below {shown(low)}", f"{shown(low)} to {shown(high)}", f"above {shown(high)}")
    return [names[(v >= low) + (v > high)] for v in values]


def shown(value: Any) -> str:
    """Return a number with three digits, nothing for None, anything else as it is."""
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


HOW_TO = """# Hyper-parameter search

```console
tumorscope tune brats-unet2d-cce --data BRATS -o search --trials 40 \\
  --param optimizer.lr=loguniform:1e-5:1e-2 --param optimizer.name=choice:adam,sgd,rmsprop \\
  --param training.batch_size=choice:2,4,8,16 --param network.args.dropout=uniform:0.1:0.5 \\
  --param 'network.args.filters=choice:[16,32,64,128,256]|[32,64,128,256,512]'
```

Every trial is a run of the recipe on one fixed split; the test part is never read. The value is read at the epoch
the run would keep. `--sampler tpe` (default), `random` or `grid` (every combination; only `choice`, `int` and
ranges with a step); `--pruner median` (default), `hyperband` or `none`. Recipe values that all trials share follow
as in `train`: `--training.epochs 10`. A value may be a list or a whole section: `--param 'optimizer=choice:{name:
adam, args: {betas: [0.9, 0.99]}}|{name: sgd}'`; keys inside it (`--param optimizer.lr=…`) are set afterwards.

The same command continues a search that was stopped, the unfinished trial after its last epoch; the same command
started twice shares one search. A trial that cannot be (size, memory, a loss that is no number) is recorded with
the reason, and the search goes on. The folder receives `trials.txt`, `trials.csv`, `search.json`, `history.png`,
`importance.png`, `study.db` (Optuna) and `best.yaml`, which `tumorscope train` takes.

The best of many trials is optimistic on the cases that chose it: report the test part of a run of `best.yaml`.
Importances are shares of variance over the searched space (fANOVA, Hutter et al. 2014), so they depend on the
space: means and 95 % intervals over 100 resamples of the complete trials.
"""


if __name__ == "__main__":
    main()
