"""The result of scoring a classifier, for machines and for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tumorscope.metrics.empty import EmptyPolicy
from tumorscope.metrics.score import Unit
from tumorscope.metrics.summary import summarise
from tumorscope.metrics.type_scores import TypeAnswers, TypeScore, reliability, render_type_scores

#: Name under which right answers count like a region, so that classifiers are compared like everything else.
RIGHT = "tumour type"


@dataclass(frozen=True)
class TypeEvaluation:
    """Scores of a classifier and everything that must stand beside them.

    Attributes:
        scores: See :func:`~tumorscope.metrics.type_scores.type_scores`.
        answers: What was said about each picture.
        cases: Case of each picture.
        foreign: How foreign each picture is; None where it was not measured.
        abstain_below: Probability below which there is no answer.
        conditions: Data set, split, bundle, version, overlap.
        failed: Case id → why it has no score.
    """

    scores: list[TypeScore]
    answers: TypeAnswers
    cases: list[str]
    foreign: list[float | None]
    abstain_below: float
    conditions: dict[str, Any]
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 if every case was scored, else 1."""
        return 1 if self.failed else 0

    @property
    def given(self) -> dict[str, float | int | None]:
        """What the classifier does where it may stay silent: counts, and accuracy of the answers that are given."""
        sure = self.answers.probabilities.max(axis=1) >= self.abstain_below
        own = [f is None or f <= 1 for f in self.foreign]
        right = self.answers.truth == self.answers.answer
        told = [bool(s) and o for s, o in zip(sure, own, strict=True)]
        kept = [bool(r) for r, t in zip(right, told, strict=True) if t]
        return {
            "n": len(told),
            "called foreign": len(own) - sum(own),
            "no answer for lack of confidence": sum(o and not s for s, o in zip(sure, own, strict=True)),
            "answers given": len(kept),
            "accuracy of answers given": round(sum(kept) / len(kept), 4) if kept else None,
        }

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` writes; rows of cases and the score of "tumour type" are as ``compare`` reads them."""
        names, answers = list(self.answers.names), self.answers
        right = (answers.truth == answers.answer).astype(float)
        accuracy = summarise(
            right,
            metric="accuracy",
            region=RIGHT,
            unit=Unit.IMAGE,
            empty_policy=EmptyPolicy.BOTH_EMPTY_ONE,
            groups=list(answers.groups),
            note="classes, no masks",
        )
        rows = []
        for index, case in enumerate(self.cases):
            hit = int(right[index])
            rows.append(
                {
                    "case": case,
                    "patient": answers.groups[index],
                    "truth": names[answers.truth[index]],
                    "answer": names[answers.answer[index]],
                    "probabilities": [round(float(p), 5) for p in answers.probabilities[index]],
                    "foreign": self.foreign[index],
                    RIGHT: {
                        "reference": names[answers.truth[index]],
                        "accuracy": float(hit),
                        "tp": hit,
                        "fp": 1 - hit,
                        "fn": 1 - hit,
                        "tn": 0,
                    },
                }
            )
        policy = {"empty_policy": EmptyPolicy.BOTH_EMPTY_ONE.value}
        return {
            "scores": [accuracy.to_json(), *({**s.to_json(), **policy} for s in self.scores)],
            "confusion": {"classes": names, "counts": answers.confusion.tolist()},
            "reliability": reliability(answers),
            "given": self.given,
            "cases": rows,
            "tumour_free_slices": [],
            "conditions": {**self.conditions, **policy, "failed": self.failed},
        }

    def render(self) -> str:
        """Return the tables for people."""
        lines = [f"{key.replace('_', ' ')}: {value}" for key, value in self.conditions.items()]
        lines += [f"not scored: {case}: {reason}" for case, reason in self.failed.items()]
        lines += ["", render_type_scores(self.scores), "", "true class (row) and answer (column):"]
        width = max(map(len, self.answers.names))
        for name, row in zip(self.answers.names, self.answers.confusion.tolist(), strict=True):
            lines.append(f"{name:<{width}}  " + "  ".join(f"{n:>5}" for n in row))
        lines += ["", *(f"{key}: {'not defined' if value is None else value}" for key, value in self.given.items())]
        return "\n".join(lines)
