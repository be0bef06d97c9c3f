"""What this installation offers: bundles, recipes, data sets, networks, losses, metrics, label schemes.

Reads JSON, the first lines of YAML files and docstrings; imports nothing heavy and answers within half a second.
"""

from __future__ import annotations

import ast
import json
from importlib import import_module
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]

#: Key of the result → where its plain registry is.
REGISTRIES = {
    "datasets": "tumorscope.datasets:DATASETS",
    "networks": "tumorscope.networks:NETWORKS",
    "losses": "tumorscope.losses:LOSSES",
    "metrics": "tumorscope.metrics.registry:METRICS",
}


def info() -> dict[str, Any]:
    """Return everything that can be named on the command line.

    Returns:
        ``version``, and per kind (``bundles``, ``recipes``, ``datasets``, ``networks``, ``losses``, ``metrics``,
        ``label_schemes``) a list of rows with at least ``name`` and ``title``.
    """
    import tumorscope

    listed = {kind: _registry(where) for kind, where in REGISTRIES.items()}
    return {
        "version": tumorscope.__version__,
        "bundles": bundle_rows(PACKAGE / "bundles" / "shipped"),
        "recipes": recipe_rows(PACKAGE / "recipes"),
        **listed,
        "label_schemes": _schemes(),
    }


def render(found: dict[str, Any]) -> str:
    """Return :func:`info`'s result as text for people: one block per kind, one line per entry."""
    blocks = [f"tumorscope {found['version']}"]
    for kind, rows in found.items():
        if kind == "version":
            continue
        width = max((len(row["name"]) for row in rows), default=0)
        lines = [f"  {row['name']:<{width}}   {_line(row)}".rstrip() for row in rows]
        blocks.append("\n".join([f"{kind.replace('_', ' ')}:", *(lines or ["  none"])]))
    return "\n\n".join(blocks)


def bundle_rows(folder: Path) -> list[dict[str, Any]]:
    """Return one row per ``<folder>/*/bundle.json``; an unreadable one says so in its title."""
    rows = []
    for path in sorted(folder.glob("*/bundle.json")):
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            rows.append(_bundle_row(path.parent, manifest))
        except (OSError, ValueError, AttributeError, TypeError):
            rows.append({"name": path.parent.name, "title": "unreadable bundle.json: reinstall tumorscope"})
    return rows


def _bundle_row(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    training = manifest.get("training", {})
    size = sum(f.stat().st_size for f in folder.glob("*.safetensors"))
    return {
        "name": manifest.get("name", folder.name),
        "title": manifest.get("title", ""),
        "version": manifest.get("version"),
        "network": manifest.get("network"),
        "scheme": manifest.get("scheme"),
        "regions": list(manifest.get("outputs", {}).get("names", [])),
        "trained_on": training.get("dataset"),
        "licence": training.get("licence"),
        "commercial_use": training.get("commercial"),
        "size_mb": round(size / 1e6, 1),
        "audit": _audit(training.get("manifest", {})),
        "scores": manifest.get("scores", []),
    }


def _audit(manifest: dict[str, Any]) -> str | None:
    """Return the verdict of the audit of the training data: the first run's that has one."""
    runs = manifest.get("members", [manifest])
    return next((run["audit"]["verdict"] for run in runs if run.get("audit")), None)


def recipe_rows(folder: Path) -> list[dict[str, str]]:
    """Return one row per YAML recipe; its title is its ``title:`` line, else its first comment."""
    rows = []
    for path in sorted(folder.glob("*.yaml")):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        titles = [line.partition(":")[2].strip(" '\"") for line in lines if line.startswith("title:")]
        comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
        rows.append({"name": path.stem, "title": next(iter([*titles, *comments]), "")})
    return rows


def _registry(where: str) -> list[dict[str, str]]:
    """Return one row per entry: a ``"module:attribute"`` is described from its source, an object by its title."""
    module, _, attribute = where.partition(":")
    entries: dict[str, Any] = getattr(import_module(module), attribute)
    return [
        {"name": name, "title": describe(entry) if isinstance(entry, str) else str(getattr(entry, "title", ""))}
        for name, entry in entries.items()
    ]


def describe(target: str) -> str:
    """Return one line about ``"module:attribute"`` from its source text, without importing it.

    The ``title="…"`` the attribute is built with, its docstring, or the module's docstring; empty when none is found.
    """
    module, _, attribute = target.partition(":")
    path = PACKAGE.parent.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not path.is_file():
        return ""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = [_own_title(node, attribute) for node in tree.body]
    found = next(filter(None, texts), None) or ast.get_docstring(tree) or ""
    return found.strip().partition("\n")[0].rstrip(".")


def _own_title(node: ast.stmt, attribute: str) -> str | None:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return ast.get_docstring(node) if node.name == attribute else None
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    if not any(isinstance(target, ast.Name) and target.id == attribute for target in targets):
        return None
    keywords = node.value.keywords if isinstance(getattr(node, "value", None), ast.Call) else []  # type: ignore[attr-defined]
    values = [k.value.value for k in keywords if k.arg == "title" and isinstance(k.value, ast.Constant)]
    return str(values[0]) if values else None


def _schemes() -> list[dict[str, Any]]:
    from tumorscope.core.labels import SCHEMES

    return [
        {
            "name": scheme.name,
            "title": scheme.title,
            "labels": {str(label.value): label.name for label in scheme.labels},
            "regions": {region: list(names) for region, names in scheme.regions.items()},
        }
        for scheme in SCHEMES.values()
    ]


def _line(row: dict[str, Any]) -> str:
    extra = []
    if row.get("licence"):
        extra.append(f"licence {row['licence']}")
    if row.get("commercial_use") is False:
        extra.append("non-commercial")
    if str(row.get("audit") or "").startswith("NOT usable"):
        extra.append("trained with a leak: see its card")
    return f"{row['title']} ({'; '.join(extra)})" if extra else str(row["title"])
