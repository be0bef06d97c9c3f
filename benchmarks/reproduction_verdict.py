"""What follows for each paper: its printed pairs, its protocol, and our runs beside its headline number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reproduction_figures import is_possible
from reproduction_runs import NOT_YET, Numbers, Stored, find_score, interval, intervals_overlap, same_budget
from reproduction_traps import pair


def first_run(paper: Mapping[str, Any], role: str, stored: Stored) -> Numbers | None:
    """Return the first stored run of a role ("paper" or "ours")."""
    return next((r for r in map(stored.run, paper["runs"][role]) if r is not None), None)


def headline(paper: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the claim that stands for the paper."""
    return next(c for c in paper["claims"] if f"{c['id']} {c['quantity']}" == paper["headline"])


#: How a printed value lies to a score of ours → the same without saying whose.
LEVELS = {
    "reached by": "reached",
    "inside the interval of": "not reached, but inside the interval",
    "not reached by": "not reached",
}


def claimed_part(paper: Mapping[str, Any], run: Numbers) -> str:
    """Return the part that the headline number is from; test where the run has no score of that part."""
    part = str(headline(paper)["part"])
    return part if part in run else "test"


def keeps_patients_apart(paper: Mapping[str, Any]) -> bool:
    """Whether the paper's own protocol does."""
    return bool(paper["runs"]["paper"] == paper["runs"]["ours"])


def judged(paper: Mapping[str, Any]) -> str:
    """Judge a paper in a few words from its printed pairs and its protocol."""
    impossible = [p for p in paper["pairs"] if not is_possible(p["dice"], p["iou"])]
    if impossible:
        return f"**Not to be trusted as printed**: {len(impossible)} of {len(paper['pairs'])} Dice-IoU pairs impossible"
    return "**Possible, but no evidence about new patients**" if paper["leaks"] else "**Possible**"


def verdict(paper: Mapping[str, Any], stored: Stored) -> str:
    """Judge a paper from its printed pairs, its protocol and our runs."""
    impossible = [p for p in paper["pairs"] if not is_possible(p["dice"], p["iou"])]
    said = [f"{judged(paper)}."]
    said += [f"{p['id']}: {pair(**{k: v for k, v in p.items() if k != 'id'})}" for p in impossible]
    if paper["leaks"]:
        said.append(f"Patients are in several parts ({paper['leaks']}).")
    return " ".join(said + outcome(paper, stored))


def outcome(paper: Mapping[str, Any], stored: Stored) -> list[str]:
    """Say how our runs compare with the headline number and with each other."""
    claim, ours = headline(paper), first_run(paper, "ours", stored)
    run = first_run(paper, "paper", stored)
    part = "test" if run is None else claimed_part(paper, run)
    found = None if run is None else find_score(run, claim.get("like"), part)
    if run is None or found is None:
        why = NOT_YET if run is None else f"stored without a like score of {claim['quantity']} {claim['value']}"
        return [f"Our run of its protocol: {why}."]
    origin = "" if claim["part"] == "test" else f", printed for its {claim['part']} part"
    name = f"{claim['quantity']} {claim['value']} ({claim['id']}{origin})"
    said = [f"Its {name} is {level(found, claim['value'])} our run of its protocol: {interval(found)}."]
    said += other_scores(paper, run, part)
    if keeps_patients_apart(paper):
        return said
    apart = None if ours is None else find_score(ours, claim.get("like"))
    if ours is None or apart is None:
        return [*said, f"With patients kept apart: {NOT_YET}."]
    overlap = "; the intervals overlap" if intervals_overlap(found, apart) else ""
    result = f"{interval(apart)}: {apart['mean'] - found['mean']:+.3f}{overlap}"
    return [*said, kept_apart(run, ours, result)]


def level(score: Numbers, value: float) -> str:
    """Say how a printed value lies to a score of ours."""
    high = score["ci95"][1] if score["ci95"][1] is not None else score["mean"]
    return "reached by" if score["mean"] >= value else "inside the interval of" if high >= value else "not reached by"


def other_scores(paper: Mapping[str, Any], run: Numbers, part: str) -> list[str]:
    """Say what the same run scores under the paper's other reading, and on test where the paper scores another part."""
    claim, other = headline(paper), paper.get("other_reading")
    said = []
    if other is not None and (score := find_score(run, other["like"], part)) is not None:
        said.append(f"Read {other['words']}, it is {LEVELS[level(score, claim['value'])]}: {interval(score)}.")
    if part != "test" and (score := find_score(run, claim["like"])) is not None:
        said.append(f"On our test part the run has {interval(score)}.")
    return said


def kept_apart(paper: Numbers, ours: Numbers, result: str) -> str:
    """Say what the patient-wise run gives, and whether its difference is the protocol's alone."""
    if same_budget(paper, ours):
        return f"With patients kept apart the same recipe and budget give {result}."
    minutes = f"{ours['minutes']} against {paper['minutes']} minutes of training"
    return f"With patients kept apart, on another budget ({minutes}), it is {result}, not by the protocol alone."
