"""What a folder holds of training: logs, and what ``evaluate`` stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tumorscope.core.errors import TumorscopeError
from tumorscope.training.log_file import LOG_NAMES


@dataclass(frozen=True)
class RunList:
    """Runs below a folder, by their path in it.

    Attributes:
        logs: Logs that :func:`~tumorscope.workflows.curves.draw_curves` takes.
        evaluations: Files that :func:`~tumorscope.workflows.compare.compare` takes.
    """

    logs: dict[str, Path]
    evaluations: dict[str, Path]


def list_runs(folder: str | Path) -> RunList:
    """Look for logs and stored evaluations at or below ``folder``."""
    folder = Path(folder)
    logs: dict[str, Path] = {}
    for path in sorted(p for name in LOG_NAMES for p in folder.rglob(name)):
        name = str(path.parent.relative_to(folder)) if path.parent != folder else path.name
        logs.setdefault(name, path)
    found = (p for p in sorted(folder.rglob("*.json")) if _is_evaluation(p))
    return RunList(logs, {str(p.relative_to(folder).with_suffix("")): p for p in found})


def _is_evaluation(path: Path) -> bool:
    from tumorscope.workflows.candidates import read_evaluation

    try:
        read_evaluation(path)
    except TumorscopeError:
        return False
    return True
