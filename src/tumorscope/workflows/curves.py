"""Training logs of any origin → curves, best epoch, gap and over-fitting (S2-42, S2-43)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tumorscope.core.errors import TumorscopeError, UsageError
from tumorscope.core.files import ensure_folder


def draw_curves(
    paths: Sequence[str | Path], output: str | Path, by: str | None = None, echo: Callable[[str], None] = print
) -> dict[str, Any]:
    """Read logs, write ``loss.png``, ``accuracy.png``, ``dice.png``, ``IoU.png`` and so on, and say what they show.

    Args:
        paths: Logs, or folders of runs.
        output: Folder of the pictures; several logs get a folder each in it.
        by: Quantity that decides the best epoch; default the recipe's monitor where the run has one, else validation
            loss, else the first quantity with a validation curve.
        echo: Takes one block of words per log.

    Returns:
        ``{"logs": [one entry per log that could be read], "failed": {path: why}}``.

    Raises:
        InputError: if the only log cannot be read.
        UsageError: if a log has no curve called ``by``.
        OutputError: if a picture cannot be written.
    """
    folder = ensure_folder(output)
    done: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    names = _folder_names(paths)
    for path, name in zip(paths, names, strict=True):
        try:
            entry = _one(Path(path), folder / name if len(paths) > 1 else folder, by)
        except TumorscopeError as error:
            if len(paths) == 1:
                raise
            failed[str(path)] = str(error)
            echo(f"{path}: {error}")
            continue
        done.append(entry)
        echo(render(entry))
    return {"logs": done, "failed": failed}


def _one(path: Path, folder: Path, by: str | None) -> dict[str, Any]:
    from tumorscope.figures.curves import save_curves
    from tumorscope.training.log_file import read_training_log
    from tumorscope.training.overfit import judge_overfit

    log = read_training_log(path)
    quantity = _deciding(path, list(log.curves), [q for q in log.curves if log.best(q)], by)
    part = "val" if log.best(quantity) else "train"
    best = log.best(quantity, "val") or log.best(quantity, "train")
    rows = {}
    for name, parts in log.curves.items():
        top = log.best(name)
        values = {p: dict(points).get(best[0]) if best else None for p, points in parts.items()}
        rows[name] = {
            "best_epoch": top[0] if top else None,
            "best": top[1] if top else None,
            "at_best_epoch": values,
            "overfit": judge_overfit(log, name),
        }
    return {
        "log": str(log.path),
        "epochs": log.epochs,
        "best_epoch": best[0] if best else None,
        "best": best[1] if best else None,
        "chosen_by": f"{part} {quantity}",
        "quantities": rows,
        "verdict": rows[quantity]["overfit"],
        "columns": log.columns,
        "notes": log.notes,
        "files": [str(file) for file in save_curves(path, folder)],
    }


def _deciding(path: Path, known: list[str], validated: list[str], by: str | None) -> str:
    """Return the quantity that decides the best epoch."""
    if by is not None:
        if by not in known:
            raise UsageError(expected=f"one of {', '.join(known)} after --by", found=f"'{by}'", fix="Choose another")
        return by
    monitor = _monitor(path)
    if monitor in validated:
        return monitor
    return "loss" if "loss" in validated else (validated or known)[0]


def _monitor(path: Path) -> str:
    """Return what the run's own recipe watches ("dice"), or nothing."""
    import yaml

    file = (path if path.is_dir() else path.parent) / "recipe.yaml"
    try:
        recipe = yaml.safe_load(file.read_text(encoding="utf-8"))
        return str(recipe["training"]["monitor"]).removeprefix("val_")
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return ""


def _folder_names(paths: Sequence[str | Path]) -> list[str]:
    """Return a name for each log: its own, or its folder's where it has a usual one; numbered where they repeat."""
    from tumorscope.training.log_file import LOG_NAMES

    names: list[str] = []
    for path in map(Path, paths):
        base = path.absolute().parent.name if path.name in LOG_NAMES else path.absolute().name.rsplit(".", 1)[0]
        name, number = base, 2
        while name in names:
            name, number = f"{base}-{number}", number + 1
        names.append(name)
    return names


def render(entry: dict[str, Any]) -> str:
    """Return one log's entry in words."""
    from tumorscope.training.overfit import gap_text, signed_gap

    value = "" if entry["best"] is None else f", {entry['best']:.4g}"
    lines = [f"{entry['log']}: {entry['epochs']} epochs"]
    lines.append(f"  best epoch {entry['best_epoch']} by {entry['chosen_by']}{value} (counted from 1)")
    for name, row in entry["quantities"].items():
        at = ", ".join(f"{part} {value:.4g}" for part, value in row["at_best_epoch"].items() if value is not None)
        own = "" if row["best"] is None else f"; best validation {row['best']:.4g} in epoch {row['best_epoch']}"
        if None not in (row["at_best_epoch"].get("train"), row["at_best_epoch"].get("val")):
            at += f", gap {gap_text(signed_gap(**row['at_best_epoch'], quantity=name))}"
        lines.append(f"  {name} there: {at or 'not logged'}{own}")
    verdicts = [r["overfit"] for r in entry["quantities"].values() if r["overfit"].kind != "unknown"]
    lines += [f"  {verdict.sentence}" for verdict in verdicts or [entry["verdict"]]]
    lines.append("  gap: by how much validation is worse than training; below 0 it is better")
    lines += [f"  Note: {note}" for note in entry["notes"]]
    lines.append(f"  pictures: {', '.join(entry['files'])}")
    return "\n".join(lines)
