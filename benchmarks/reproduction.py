"""Write ``docs/reproduction.md`` and its figures from stored results; nothing is typed.

    python benchmarks/reproduction.py [--results DIR] [--docs DIR]

Reads ``papers.yaml`` (what the papers print), ``results/runs/*.json`` (``train_runs.py``), ``results/protocols/*.json``
(``measure_protocols.py``), ``results/comparisons/*.json`` (``tumorscope compare --json``) and ``results/*.json``
(shipped bundles). What is not stored stands there as "not measured yet".
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reproduction_figures import claimed_pairs_figure, published_figure
from reproduction_papers import load_papers
from reproduction_runs import NOT_YET, Stored, changes, find_score, interval, split_unit
from reproduction_studies import comparisons, folds, names, sweep_rows
from reproduction_traps import expose
from reproduction_verdict import claimed_part, first_run, headline, judged, keeps_patients_apart, outcome, verdict

from tumorscope.core.files import write_text
from tumorscope.figures.save import png_bytes
from tumorscope.metrics import METRICS, EmptyPolicy

HERE = Path(__file__).parent
HEAD = """# What the published numbers are worth

Written by `python benchmarks/reproduction.py` from stored results; do not edit. S0 to S4 are the five papers, `S1-18`
and the like rows of the checklist that their statements were taken apart into. For each paper: what it claims, how it
measured, our run of that protocol, our run in which no patient is in two parts, and what follows.

Every score of ours names its unit (one value per slice, image or patient volume, or pooled over all voxels), how empty
masks count, its 95 % bootstrap interval and n; the split unit of each run stands beside its budget. Groups are what the
interval resamples: patients, or blocks of neighbouring patients where ids are missing (an interval over three blocks is
no more than their range). Pooled scores count voxels of all cases at once; no empty-mask rule applies to them.

Budgets were smaller than the papers' and are stated. Where both protocols of a paper were run with the same budget,
they differ in which cases train and which are tested; every run is one training with one seed.
"""
Rows = Sequence[Sequence[str]]


def table(header: Sequence[str], rows: Rows) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def cell(run: Mapping[str, Any] | None, claim: Mapping[str, Any]) -> str:
    """Return our score of the same quantity, or why there is none."""
    if claim.get("like") is None:
        return "no like score"
    if run is None:
        return NOT_YET
    part = claim["part"] if claim["part"] in run else "test"
    score = find_score(run, claim["like"], part)
    if score is None:
        return "not in the stored run"
    unit = "" if score["unit"] == "pooled" else f", {score['empty_policy']}"
    return f"{interval(score)}, {score['unit']}{unit}" + ("" if part == claim["part"] else f", on {part}")


def ours_is(claim: Mapping[str, Any]) -> str:
    """Return the name of the score of ours that stands beside a printed number."""
    like = claim.get("like")
    return "" if like is None else METRICS[like["metric"]].title + (f", {like['region']}" if "region" in like else "")


def claims_table(paper: Mapping[str, Any], stored: Stored) -> str:
    """Return every printed number beside the like ones of each of our runs."""
    runs = list(dict.fromkeys([*paper["runs"]["paper"], *paper["runs"]["ours"]]))
    rows = [
        [c["id"], c["quantity"], c["part"], f"{c['value']}", ours_is(c), *(cell(stored.run(name), c) for name in runs)]
        for c in paper["claims"]
    ]
    return table(["row", "quantity", "printed for", "printed", "our quantity", *(f"`{name}`" for name in runs)], rows)


def capital(text: str) -> str:
    """Return ``text`` with a capital first letter."""
    return text[:1].upper() + text[1:]


def audited(paper: Mapping[str, Any], stored: Stored) -> str:
    """Say what an audit of the paper's protocol found on the data here, and what it scores without a model."""
    if not paper["audit"]:
        return "its split keeps patients apart; nothing to measure."
    protocol = stored.protocol(paper["audit"])
    if protocol is None:
        return f"{NOT_YET} (`benchmarks/measure_protocols.py`)."
    told = [
        f["headline"] for f in protocol["findings"] if f["severity"] in ("leak", "defect") or f["check"] == "baselines"
    ]
    return f"`{protocol['command']}` on the {protocol['cases']} cases here: {' '.join(told)}"


def run_lines(paper: Mapping[str, Any], stored: Stored) -> str:
    """Name the runs of a paper and their budgets."""
    roles = dict.fromkeys(paper["runs"]["ours"], "patients kept apart")
    own = "its protocol, which keeps patients apart" if keeps_patients_apart(paper) else "its protocol"
    roles |= dict.fromkeys(paper["runs"]["paper"], own)
    lines = []
    for name, role in sorted(roles.items(), key=lambda item: item[1] != own):
        run = stored.run(name)
        if run is None:
            lines.append(f"- `{name}` ({role}): {NOT_YET}")
            continue
        told = f"{run['budget']}; {run['minutes']} minutes of training. Split unit: {split_unit(run)}."
        told += f" Recipe values changed: {changes(run)}." if changes(run) else ""
        lines.append(f"- `{name}` ({role}): {told}{with_tumour(paper, run)}")
    return "\n".join(lines)


def with_tumour(paper: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """Return the headline score over masks with tumour alone, where empty ones count in the table."""
    like = headline(paper).get("like") or {}
    if like.get("empty") != "both-empty-one":
        return ""
    score = find_score(run, like | {"empty": "positives-only"})
    title = METRICS[like["metric"]].title
    return (
        ""
        if score is None
        else f" Test {title}, {EmptyPolicy.POSITIVES_ONLY.value}: {interval(score)}, {score['unit']}."
    )


def traps_table(papers: Mapping[str, Any], traps: Mapping[str, Any], stored: Stored) -> str:
    """Return every trap row with the computation that exposes it."""
    rows = []
    for key, row in traps.items():
        computed = expose(row, papers, stored)
        if "full_copy" in row:
            computed += f" *Measured on the full copy (checklist):* {row['full_copy']}."
        rows.append([key, row["prints"], computed])
    return table(["row", "what is printed", "computed"], rows)


def references_table(references: Sequence[Mapping[str, Any]]) -> str:
    """Return winners, baselines and human agreement with their sources."""

    def dice(row: Mapping[str, Any]) -> list[str]:
        return [f"{row[k]:g}" if k in row else "" for k in ("WT", "TC", "ET")]

    rows = []
    for row in references:
        only = f"mean {row['mean']:g}" if "mean" in row else f"abnormality {row['tumor']:g}" if "tumor" in row else ""
        note = "; ".join(filter(None, (only, row.get("note", ""), f"cited: {row['cited']}" if "cited" in row else "")))
        rows.append([row["name"], row["data"], row["part"], *dice(row), note, row["source"]])
    return table(["who", "data", "part", "WT", "TC", "ET", "note", "source"], rows)


def others_table(papers: Mapping[str, Any], stored: Stored) -> str:
    """Return the Dice by patient, or by image, of stored runs of no paper (folds, sweeps, shipped recipes)."""
    used = names() | {name for p in papers.values() for runs in p["runs"].values() for name in runs}
    rows = []
    for name, run in sorted(stored.runs.items()):
        part = "test" if "test" in run else "val"
        for s in run.get(part, {}).get("scores", ()) if name not in used else ():
            if s["metric"] == "dice" and s["unit"] in ("patient", "image") and s["mean"] is not None:
                rows.append(
                    [f"`{name}`", part, s["region"], interval(s), s["empty_policy"], split_unit(run), run["budget"]]
                )
    return (
        table(["run", "part", "region", "Dice by patient or image", "empty masks", "split unit", "budget"], rows)
        if rows
        else NOT_YET + "."
    )


def figures(papers: Mapping[str, Any], stored: Stored, folder: Path) -> None:
    """Draw both figures into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = [(p["id"], p["dice"], p["iou"]) for paper in papers.values() for p in paper["pairs"]]
    (folder / "claimed-pairs.png").write_bytes(png_bytes(claimed_pairs_figure(pairs), 100))
    rows = []
    for key, paper in papers.items():
        claim = headline(paper)
        part = "" if claim["part"] == "test" else f", {claim['part']} part"
        row: dict[str, Any] = {"title": f"{key}: {claim['quantity']}{part}", "published": claim["value"]}
        for role in ("paper", "ours"):
            run = first_run(paper, role, stored)
            score = find_score(run, claim.get("like"), claimed_part(paper, run)) if run else None
            row[role] = None if score is None else (score["mean"], *score["ci95"])
        row["ours"] = "the paper's protocol keeps patients apart" if keeps_patients_apart(paper) else row["ours"]
        rows.append(row)
    (folder / "published.png").write_bytes(png_bytes(published_figure(rows), 100))


def page(content: Mapping[str, Any], stored: Stored) -> str:
    """Return the whole page."""
    papers = content["papers"]
    overview = [[k, p["system"], f"{judged(p)}. {' '.join(outcome(p, stored))}"] for k, p in papers.items()]
    parts = [HEAD, "## In one table", ""]
    parts += [table(["paper", "system", "verdict"], overview)]
    parts += [
        "",
        "![Dice and IoU pairs](reproduction/claimed-pairs.png)",
        "",
        "![Published and run again](reproduction/published.png)",
    ]
    for key, paper in papers.items():
        parts += ["", f"## {key}: {paper['system']}", "", f"**Paper.** {paper['named']}", ""]
        parts += [f"**Claim.** {paper['claim']}", ""]
        parts += [f"**Protocol.** {paper['protocol']}", "", "**Our runs.**", "", run_lines(paper, stored), ""]
        parts += [f"**Its protocol without any model.** {capital(audited(paper, stored))}", ""]
        parts += [claims_table(paper, stored), "", *([paper["note"], ""] if "note" in paper else [])]
        parts += [f"**Verdict.** {verdict(paper, stored)}"]
    parts += ["", "## Every trap, and what exposes it", "", traps_table(papers, content["traps"], stored)]
    parts += ["", "## Architecture, input size, depth (S0-06, S0-07)", ""]
    parts += [" ".join(folds(stored)) or f"FPN against U-Net on the same folds: {NOT_YET}.", ""]
    parts += ["On the first of these folds, one thing changed at a time (split unit patient, validation part):", ""]
    parts += [table(["study", "setting", "Dice by patient"], sweep_rows(stored))]
    for title, paragraphs, tables in comparisons(stored, content["comparisons"]):
        parts += ["", f"## {title}", "", "\n\n".join(paragraphs)]
        for heading, columns, rows in tables:
            parts += ["", f"### {heading}", "", table(columns, rows)]
    parts += ["", "## Other runs", "", others_table(papers, stored)]
    parts += ["", "## What to compare with", ""]
    parts += [
        "Dice in percent. Other data, other cases: a scale, not a ranking.",
        "",
        references_table(content["references"]),
    ]
    parts += [
        "",
        "Terms (parts of a split, hyper-parameters, kinds of segmentation) are in [concepts.md](concepts.md).",
        "",
    ]
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    parser.add_argument("--docs", type=Path, default=HERE.parent / "docs")
    chosen = parser.parse_args()
    content = load_papers(HERE / "papers.yaml")
    stored = Stored.load(chosen.results)
    figures(content["papers"], stored, chosen.docs / "reproduction")
    write_text(chosen.docs / "reproduction.md", page(content, stored))


if __name__ == "__main__":
    main()
