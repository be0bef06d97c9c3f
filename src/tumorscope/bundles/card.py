"""The model card of a bundle, generated from its manifest."""

from __future__ import annotations

from typing import Any

from tumorscope.bundles.manifest import Manifest
from tumorscope.metrics.empty import EmptyPolicy
from tumorscope.transforms.prepare import Preprocess

#: What tells slices of another sequence, and its terms, which are not those of a bundle's weights.
SEQUENCE_CHECK = (
    "a network that comes with the program (study/slice_sequence.npz), not with these weights. It was trained on BraTS "
    "cases (research use with citation of the BraTS papers), LGG slices (CC BY-NC-SA 4.0) and Figshare's pictures "
    "(CC BY 4.0): non-commercial use only"
)


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _interval(ends: tuple[float | None, float | None]) -> str:
    low, high = ends
    return "not defined" if low is None and high is None else f"{_number(low)} to {_number(high)}"


def _score_table(manifest: Manifest) -> list[str]:
    if not manifest.scores:
        return ["No scores have been measured for this bundle."]
    if manifest.image is not None:
        return _image_table(manifest)
    if manifest.outputs.kind == "types":
        return _type_table(manifest)
    head = "| metric | region | unit | mean | 95 % interval | SD | median | n | empty masks | all-empty baseline | on |"
    rows = [head, "|" + "---|" * 11]
    for s in manifest.scores:
        length = f" ({s['length_unit']})" if s.get("length_unit") else ""
        rows.append(
            f"| {s['metric']}{length} | {s['region']} | {s['unit']} | {_number(s['mean'])} | {_interval(s['ci95'])} "
            f"| {_number(s['sd'])} | {_number(s['median'])} | {s['n']} | {s['empty_policy']} "
            f"| {_number(s.get('all_empty'))} | {s.get('on', '')} |"
        )
    policies = sorted({s["empty_policy"] for s in manifest.scores})
    return [*rows, "", *[f"- Empty masks `{p}`: {EmptyPolicy(p).text}." for p in policies]]


def _subset_table(manifest: Manifest) -> list[str]:
    """Return the section on missing sequences, where that was measured."""
    if not manifest.subsets:
        return []
    names = manifest.outputs.names
    whole = max(manifest.subsets, key=lambda s: len(s.sequences))
    rows = [f"| sequences | {' | '.join(names)} | {names[0]} less than with all |", "|" + "---|" * (len(names) + 2)]
    for s in manifest.subsets:
        values = " | ".join(f"{s.dice[n]:.3f} ({s.ci95[n][0]:.3f} to {s.ci95[n][1]:.3f})" for n in names)
        rows.append(f"| {', '.join(s.sequences)} | {values} | {whole.dice[names[0]] - s.dice[names[0]]:.3f} |")
    about = (
        "Mean Dice per patient (95 % bootstrap interval over patients; empty masks `brats`), "
        f"n = {whole.n}, {whole.on}; one set of weights."
    )
    return ["## With sequences missing", about, "", *rows, ""]


def _image_table(manifest: Manifest) -> list[str]:
    rows = ["| what | of | mean | 95 % interval | n slices | on |", "|" + "---|" * 6]
    for s in manifest.scores:
        value = f"{_number(s['mean'])} | {_interval(s['ci95'])}"
        rows.append(f"| {s['metric']} | {s['region']} | {value} | {s['n']} | {s['on']} |")
    return [*rows, "", "Intervals resample patients. How it was measured, and the rest: docs/generative.md."]


def _type_table(manifest: Manifest) -> list[str]:
    rows = ["| metric | class | value | 95 % interval | n | on |", "|" + "---|" * 6]
    for s in manifest.scores:
        value = f"{_number(s['mean'])} | {_interval(s['ci95'])}"
        rows.append(f"| {s['metric']} | {s['region']} | {value} | {s['n']} | {s['on']} |")
    narrow = "patients are unknown, so they are too narrow."
    return [*rows, "", f"Intervals resample groups of look-alikes (Figshare's pictures singly); {narrow}"]


def _answers(manifest: Manifest) -> list[str]:
    """Return how a classifier's probabilities become an answer."""
    rule = manifest.classify
    if rule is None:
        return []
    heat = ", ".join(f"{t:g}" for t in rule.temperature)
    return [
        f"- Probabilities: temperature {heat} (in the weights); no answer below {rule.abstain_below:g}; {rule.origin}.",
        f"- Pictures unlike those trained on are called foreign: {'yes' if rule.novelty else 'no'}; slices of another "
        f"sequence: {f'yes, by {SEQUENCE_CHECK}' if rule.most_surprise else 'no'}.",
    ]


def _view(spec: Preprocess) -> str:
    """Return what the network sees at once."""
    if spec.patch is not None:
        return f"volumes at {spec.spacing_mm:g} mm in windows of {'×'.join(map(str, spec.patch))} voxels"
    return f"{spec.size[0]}×{spec.size[1]} px slices, {spec.context} neighbouring slice(s) on each side"


def _facts(run: dict[str, Any]) -> str:
    return ", ".join(f"{k} {v}" for k, v in run.items() if not isinstance(v, dict | list))


def _audits(manifest: dict[str, Any]) -> list[str]:
    """Return the verdicts of the audits that training made, each once."""
    runs = manifest.get("members", [manifest])
    verdicts = dict.fromkeys(run["audit"]["verdict"] for run in runs if run.get("audit"))
    return [f"- Audit of the data before training: {verdict}" for verdict in verdicts]


def _in_and_out(manifest: Manifest) -> list[str]:
    """Return what goes in and what comes out."""
    spec, image = manifest.preprocess, manifest.image
    size, shown = f"{spec.size[0]}×{spec.size[1]} px slices", ", ".join(spec.sequences)
    if image is not None and image.task in ("denoise", "reconstruct"):
        return [
            "- In: slices or volumes of one sequence, whichever it is.",
            "- Out: the same, repaired.",
        ]
    if image is not None:
        given = {
            "vae": "nothing (samples), or one or two scans (through or between their latents)",
            "gan": "nothing; slices are made from noise",
            "synthesis": f"a label map ({', '.join(image.condition)}) and the outline of the brain",
        }
        return [f"- In: {given[image.task]}.", f"- Out: synthetic {size} of {shown}."]
    optional = f" (may be missing: {', '.join(spec.optional)})" if spec.optional else ""
    origin = f" ({manifest.postprocess_origin})" if manifest.postprocess_origin else ""
    postprocess = manifest.postprocess.model_dump_json(exclude_defaults=True)
    return [
        f"- In: {shown}{optional}; {_view(spec)}, {spec.normalise}.",
        f"- Out: {', '.join(manifest.outputs.names)}; label scheme `{manifest.scheme}`.",
        *([] if manifest.classify else [f"- Post-processing: `{postprocess}`{origin}."]),
        *_answers(manifest),
        f"- Mirror averaging: {'always' if manifest.tta else 'on request (--tta)'}.",
    ]


def render_card(manifest: Manifest) -> str:
    """Return the card in Markdown."""
    training = manifest.training
    split = training.split
    counts = ", ".join(f"{len(ids)} {part}" for part, ids in split.get("parts", {}).items())
    use = "commercial use allowed" if training.commercial else "non-commercial use only"
    hashes = len(training.case_hashes)
    lines = [
        f"# {manifest.name} {manifest.version}",
        "",
        f"{manifest.title}. Research use only: not a medical device.",
        "",
        "## In and out",
        *_in_and_out(manifest),
        "",
        "## Trained on",
        f"- Data set `{training.dataset}`, licence: {training.licence}; these weights: {use}.",
        f"- Split unit {split.get('unit')}, seed {split.get('seed')}, hash `{split.get('hash')}`: cases {counts}.",
        f"- Training and validation cases are known by {hashes} content hashes; `evaluate` refuses them.",
        *[f"- Run: {_facts(run)}." for run in training.manifest.get("members", [training.manifest])],
        *_audits(training.manifest),
        "",
        "## Scores",
        *_score_table(manifest),
        "",
        *_subset_table(manifest),
        "## Limits",
        *[f"- {sentence}" for sentence in manifest.limits or ["None written down."]],
        "",
    ]
    return "\n".join(lines)
