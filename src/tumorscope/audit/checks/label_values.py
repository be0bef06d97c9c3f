"""Which label values occur, in every label map."""

from __future__ import annotations

from collections import Counter, defaultdict

from tumorscope.audit.audited import Audited
from tumorscope.audit.finding import Example, Finding, Severity
from tumorscope.audit.limits import EXAMPLES
from tumorscope.core.labels import SCHEMES

NAME = "label-values"


def check(audited: Audited) -> list[Finding]:
    """Scan all label maps for the values present (S2-23): per label scheme, values no scheme knows, absent classes."""
    by_scheme: dict[str, Counter[int]] = defaultdict(Counter)
    cases = Counter(s.scheme for s in audited.scans if s.labelled)
    for scan in audited.scans:
        if scan.labelled:
            by_scheme[scan.scheme].update({v for v, n in zip(scan.values, _pixels(scan), strict=True) if n})
    odd = [s for s in audited.scans if s.trouble == "labels"]
    if not cases and not odd:
        if all(s.tumor_type for s in audited.scans):
            return []  # a data set for classification
        return [Finding(NAME, Severity.REMARK, "There are no label maps.")]
    numbers: dict[str, object] = {
        f"{scheme}: value {value}": found
        for scheme, counted in by_scheme.items()
        for value, found in sorted(counted.items())
    }
    numbers["label maps"] = sum(cases.values()) + len(odd)
    numbers["label maps with unknown values"] = len(odd)
    sentences = [_sentence(scheme, cases[scheme], counted) for scheme, counted in by_scheme.items()]
    absent = [a for scheme, counted in by_scheme.items() for a in _absent(scheme, counted, cases[scheme])]
    if odd:
        values = sorted({v for s in odd for v in s.values})
        text = f"{len(odd)} of {numbers['label maps']} label maps cannot be used as they are; values there: {values}."
        shown = tuple(Example(f"{s.id}: {s.message}") for s in odd[:EXAMPLES])
        fix = "Correct these maps, or leave the cases out."
        return [Finding(NAME, Severity.DEFECT, text, numbers, shown, fix, tuple(sentences))]
    mixed = len(by_scheme) > 1
    text = (
        f"{len(by_scheme)} label schemes are mixed: {', '.join(f'{n} cases {s}' for s, n in cases.items())}."
        if mixed
        else sentences[0]
    )
    fix = "Training and evaluation convert them class by class; do not compare raw values." if mixed else ""
    severity = Severity.REMARK if mixed or absent else Severity.OK
    return [Finding(NAME, severity, text, numbers, (), fix, (*(sentences if mixed else ()), *absent))]


def _pixels(scan: object) -> list[int]:
    counts = scan.slices.counts  # type: ignore[attr-defined]
    return [int(n) for n in counts.sum(axis=0)]


def _sentence(scheme: str, cases: int, counted: Counter[int]) -> str:
    names = {label.value: label.name for label in SCHEMES[scheme].labels} if scheme in SCHEMES else {}
    found = ", ".join(f"{v} {names.get(v, '')}".strip() + f" in {n}" for v, n in sorted(counted.items())) or "none"
    return f"{cases} label maps of scheme '{scheme}'; values besides 0: {found}."


def _absent(scheme: str, counted: Counter[int], maps: int) -> list[str]:
    if scheme not in SCHEMES:
        return []
    never = [label for label in SCHEMES[scheme].labels if label.value not in counted]
    gaps = [v for v in range(1, max(SCHEMES[scheme].values)) if v not in SCHEMES[scheme].values]
    said = [f"Value {x.value} ({x.name}) of scheme '{scheme}' occurs in none of {maps} label maps." for x in never]
    return said + [
        f"Value {v} is no class of scheme '{scheme}' and occurs in none of {maps} label maps."
        for v in gaps
        if v not in counted
    ]
