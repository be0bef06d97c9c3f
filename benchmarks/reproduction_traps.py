"""The computation that exposes each trap row of the papers.

Every function takes the row's numbers (``of`` in ``papers.yaml``) and what is stored, and returns one or two sentences.
Where its numbers must be measured and are not stored yet, it says so.
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from reproduction_runs import NOT_YET, Stored, interval

from tumorscope.core.labels import BRATS
from tumorscope.datasets import DATASETS
from tumorscope.datasets.figshare_blocks import LAST, tumor_type_of
from tumorscope.formats import read_image
from tumorscope.metrics.consistency import explain_f1, explain_pair, iou_from_dice

Numbers = Mapping[str, Any]
MEASURE = "`benchmarks/measure_protocols.py`"


def lgg_not_brats(patients: int, slices: int, brats_2020: int, **_: Any) -> str:
    """S0-03."""
    return (
        f"BraTS 2020 has {brats_2020} training patients, not {patients}. {slices} slices with as many masks make "
        f"{2 * slices} files: the Kaggle LGG set, which the package reads as `lgg` ({DATASETS.load('lgg').title})."
    )


def three_versions(abstract: Sequence[float], text: Sequence[float], conclusion: float, **_: Any) -> str:
    """S0-04."""
    swapped = list(abstract) == list(reversed(text))
    apart = round(abs(conclusion - min(text)), 4)
    return (
        f"The abstract's order is the reverse of the text's ({'yes' if swapped else 'no'}); the conclusion's "
        f"{conclusion:.4f} differs from the text's {min(text):.4f} by {apart:.4f}, more than rounding (0.00005)."
    )


def formats(endings: Sequence[str], **_: Any) -> str:
    """S0-10: writes one picture in each format and reads it back."""
    picture = np.arange(64 * 48, dtype=np.uint32).reshape(64, 48) // 16
    said = []
    with tempfile.TemporaryDirectory() as folder:
        for ending in endings:
            path = Path(folder) / f"slice{ending}"
            Image.fromarray(picture.astype(np.uint8)).save(path)
            error = int(np.abs(read_image(path).data[:, :, 0].T.astype(int) - picture).max())
            said.append(f"{ending[1:].upper()} {'exactly' if error == 0 else f'within {error} grey values (lossy)'}")
    return f'"DIFF" is no image format; TIFF is meant. One picture written and read back now: {", ".join(said)}.'


def swapped_counts(positive: int, negative: int, stored: Stored, **_: Any) -> str:
    """S0-17."""
    share = positive / (positive + negative)
    found = stored.finding("lgg-slices", "empty-masks")
    if found is None:
        return f"As printed {share:.0%} of slices would hold tumour; in the data here: {NOT_YET} ({MEASURE})."
    empty, total = found["numbers"]["empty slices"], found["numbers"]["slices"]
    return (
        f"As printed {share:.0%} of slices would hold tumour. In the {stored.protocol('lgg-slices')['cases']} patients "
        f"here {total - empty} of {total} do ({1 - empty / total:.0%}): the two words are swapped."
    )


def sums(positive: Sequence[int], negative: Sequence[int], claimed: Sequence[int], **_: Any) -> str:
    """S0-20."""
    agree = [sum(positive), sum(negative)] == list(claimed)
    return (
        f"{' + '.join(map(str, positive))} = {sum(positive)} and {' + '.join(map(str, negative))} = {sum(negative)}, "
        f"against {claimed[0]} and {claimed[1]}: {'they agree' if agree else 'they contradict each other'}."
    )


def neighbour_copy(stored: Stored, **_: Any) -> str:
    """S0-22."""
    leak, near = stored.finding("lgg-slices", "patients"), stored.finding("lgg-slices", "neighbours")
    score = stored.baseline("lgg-slices", "neighbour-copy", "dice", "both-empty-one")
    if leak is None or near is None or score is None:
        return f"{NOT_YET.capitalize()} here ({MEASURE})."
    return f"{leak['headline']} {near['headline']} Copying that slice's mask: mean Dice {interval(score)}, no model."


def all_empty(stored: Stored, **_: Any) -> str:
    """S0-41."""
    dice = stored.baseline("lgg-slices", "all-empty", "dice", "both-empty-one")
    accuracy = stored.baseline("lgg-slices", "all-empty", "accuracy", "both-empty-one")
    if dice is None or accuracy is None:
        return f"{NOT_YET.capitalize()} here ({MEASURE})."
    return (
        f"Marking nothing on the test slices here: mean Dice {interval(dice)} where two empty masks count 1, and "
        f"0 on the slices with tumour; accuracy {interval(accuracy)}. Every score on this page names its convention."
    )


def background_bound(iou: float, classes: int) -> float:
    """Return the least mean Dice without background if ``iou`` averages ``classes`` with a perfect background.

    IoU never exceeds Dice, class by class and case by case, so the mean IoU of the other classes bounds their Dice.
    """
    return max(0.0, (classes * iou - 1) / (classes - 1))


def meaning(dice: float, iou: float) -> str:
    """Say which IoU a Dice means (pooled or of one mask; as a mean over cases), and whether the printed one can be."""
    means, judged = explain_pair(dice=dice, iou=iou).split("; ")
    low, high = means.split()[-1], means.split()[1]
    return f"{means} if pooled or of one mask, and between {low} and {high} for any mean over cases; {judged}"


def pair(dice: float, iou: float, classes: int = 0, class_dice: Sequence[float] = (), **_: Any) -> str:
    """S1-18, S2-48, S4-54."""
    sentence = meaning(dice, iou)
    if class_dice:
        mean = sum(class_dice) / len(class_dice)
        sentence += f". The class Dice printed beside it average {mean:.3f}, not {dice} either"
    if not classes:
        return f"{sentence}."
    least = background_bound(iou, classes)
    start = f"{sentence}. Were the background among the {classes} averaged IoUs perfect, the others would average"
    if least <= dice:
        return f"{start} {least:.3f}, which the printed Dice does not contradict."
    return f"{start} at least {least:.3f}, and over the same cases so would their Dice: the background is no excuse."


def pairs(pairs: Sequence[Sequence[float]], **_: Any) -> str:
    """S3-35."""
    return " ".join(f"{meaning(d, i)}." for d, i in pairs)


def other_quantity(validation_iou: float, test_iou: float, test_dice: float, **_: Any) -> str:
    """S1-22."""
    low = iou_from_dice(test_dice)

    def where(iou: float) -> str:
        return "lies in it" if low <= iou <= test_dice else "cannot be that IoU"

    return (
        f"The test Dice {test_dice:.2f} allows a test IoU from {low:.2f} (pooled or of one mask) to {test_dice:.2f} "
        f"(at most, as a mean over cases). The validation IoU {validation_iou} {where(validation_iou)}; {test_iou} "
        f"{where(test_iou)}. So the two are not the same quantity, and show no improvement."
    )


def tumour_classes(named: int, **_: Any) -> str:
    """S2-02."""
    return f"The scheme has {len(BRATS.labels)} tumour classes ({BRATS.listing}), not {named}; 0 is everything else."


def which_loss(loss: float, dice: float, accuracy: float, **_: Any) -> str:
    """S2-07."""
    return (
        f"A Dice loss at Dice {dice} would be about 1 - {dice} = {1 - dice:.3f}, not {loss}. Cross-entropy "
        f"is a small number at accuracy {accuracy}: it fits. Both are recipes here, and every bundle records its loss."
    )


def misnamed_segmentation(**_: Any) -> str:
    """S2-36: builds such a folder and lets discovery find it."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "BraTS20_Training_355"
        folder.mkdir()
        for kind in ("t1", "t1ce", "t2", "flair"):
            (folder / f"{folder.name}_{kind}.nii").touch()
        (folder / "W39_1998.09.19_Segm.nii").touch()
        (Path(root) / "name_mapping.csv").touch()
        (case,) = DATASETS.load("brats").discover(root)
    found = case.label.name if isinstance(case.label, Path) else "nothing"
    return (
        f"A folder like it, made now: discovery finds {len(case.images)} sequences and the label {found}, and notes it."
    )


def empty_accuracy(accuracy: float, stored: Stored, **_: Any) -> str:
    """S2-40, S4-16."""
    found = stored.protocol("brats-slices")
    if found is None:
        return f"Accuracy of marking nothing: {NOT_YET} ({MEASURE})."
    (score,) = found["scores"]
    first, end = found["slices"]
    value = score["mean"]
    return (
        f"On the papers' slices {first}:{end} marking nothing at all reaches accuracy {value:.4f} (95 % interval "
        f"{score['ci95'][0]:.4f} to {score['ci95'][1]:.4f}, n = {score['n']} BraTS patients; whole volumes "
        f"{found['whole_volumes']:.4f}); the {accuracy:.4f} printed is {accuracy - value:+.4f} from that."
    )


def pooled_with_background(precision: float, sensitivity: float, specificity: float, classes: int, **_: Any) -> str:
    """S2-50."""
    false_positives = sensitivity / precision * (1 - precision)
    computed = 1 - false_positives / (classes - 1)
    agrees = abs(computed - specificity) < 0.00011
    return (
        f"If all {classes} one-hot channels are pooled, background included, precision and sensitivity fix the "
        f"specificity: 1 - {false_positives:.5f} / {classes - 1} = {computed:.4f}, "
        f"{'as printed' if agrees else f'not {specificity}'}. The three numbers describe the background."
    )


def data_cards(**_: Any) -> str:
    """S3-11."""
    described = [n for n in DATASETS if DATASETS.load(n).licence and DATASETS.load(n).citation]
    names = ", ".join(described)
    return f"Here {len(described)} of {len(DATASETS)} data sets name their content, licence and citation ({names})."


def two_data_sets(text: int, train: Sequence[int], test: Sequence[int], **_: Any) -> str:
    """S3-15."""
    types = {tumor_type_of(n) for n in range(1, LAST + 1)}
    return (
        f"The table sums to {sum(train)} + {sum(test)} = {sum(train) + sum(test)} pictures of {len(train)} classes. "
        f"{text} is the Figshare set ({LAST} files of {len(types)} types, {', '.join(sorted(types))}): two mixed up."
    )


def duplicates(stored: Stored, **_: Any) -> str:
    """S3-16."""
    found = stored.protocol("four-class")
    if found is None:
        return f"{NOT_YET.capitalize()} here ({MEASURE})."
    share = found["identical"] / found["testing"]
    return (
        f"On the copy here {found['identical']} of {found['testing']} test pictures ({share:.0%}) are pixel-identical "
        f"to one of {found['training']} training pictures, and the nearest neighbour on {found['side']}×"
        f"{found['side']} pixels alone names the class in {found['nearest_neighbour_accuracy']:.1%}."
    )


def augmented_test(before: Sequence[int], after: Sequence[int], **_: Any) -> str:
    """S3-18."""
    return (
        f"The test part grows from {sum(before)} to {sum(after)} pictures and its share with tumour from "
        f"{before[0] / sum(before):.0%} to {after[0] / sum(after):.0%}: it was augmented, and another mix was scored. "
        "Evaluation data are never augmented here."
    )


def recorded(keys: Sequence[str], runs: Sequence[str], stored: Stored, **_: Any) -> str:
    """S3-22, S3-33, S4-38: what the stored manifests say really ran."""
    lines = []
    for run in (r for r in map(stored.run, runs) if r is not None):
        values = [f"{key} {stored.setting(run, key)}" for key in keys]
        lines.append(f"`{run['run']}`: {', '.join(values)}")
    return "What really ran here, from the manifest: " + ("; ".join(lines) or NOT_YET) + "."


def f1_rows(rows: Mapping[str, Sequence[float]], **_: Any) -> str:
    """S3-27."""
    below = [name for name, (p, r, f1) in rows.items() if f1 < min(p, r)]
    said = " ".join(f"{name}: {explain_f1(precision=p, sensitivity=r, f1=f)}." for name, (p, r, f) in rows.items())
    return f"{said} {len(below)} of {len(rows)} rows are impossible."


def not_brats_2018(train: Sequence[int], test: Sequence[int], lgg: Sequence[int], brats_2018: int, **_: Any) -> str:
    """S3-31."""
    positive, negative = train[0] + test[0], train[1] + test[1]
    return (
        f"{train[0]} + {test[0]} = {positive} slices with tumour, exactly LGG's {lgg[0]}; {train[1]} + {test[1]} = "
        f"{negative} without, {negative - lgg[1]:+d} against LGG. BraTS 2018 is {brats_2018} volumes, no slices."
    )


def no_value(quantities: Sequence[str], papers: Mapping[str, Any], **_: Any) -> str:
    """S4-11."""
    claims = papers["S4"]["claims"]
    found = [c for c in claims if any(q.lower() in c["quantity"].lower() for q in quantities)]
    wanted = " or ".join(quantities)
    return f"Of the {len(claims)} numbers the paper prints, {len(found)} are {wanted}: nothing supports it."


def on_training(paper: str, papers: Mapping[str, Any], **_: Any) -> str:
    """S4-52."""
    claims = papers[paper]["claims"]
    parts = {p: sum(c["part"] == p for c in claims) for p in ("train", "val", "test")}
    test = [f"{c['quantity']} {c['value']}" for c in claims if c["part"] == "test"]
    return (
        f"Of its {len(claims)} numbers {parts['train']} are from training, {parts['val']} from validation and "
        f"{parts['test']} from test ({', '.join(test)}): no overlap score of a test case is printed."
    )


def copied_mse(mse: float, iou: float, accuracy: float, classes: int, **_: Any) -> str:
    """S4-56."""
    likely = 2 * (1 - accuracy) / classes
    return (
        f"MSE and IoU are the same number ({'yes' if mse == iou else 'no'}). At accuracy {accuracy} hard one-hot "
        f"predictions over {classes} classes have MSE 2·(1 - {accuracy}) / {classes} = {likely:.4f}, not {mse}."
    )


def placeholders(template: Sequence[float], caption: Sequence[float], measured: Sequence[float], **_: Any) -> str:
    """S4-60."""
    same = [abs(t - c) <= 0.005 for t, c in zip(template, caption, strict=True)]
    return (
        f"The caption's {caption[0]} and {caption[1]} are the template's examples {template[0]} and {template[1]} "
        f"(equal to two decimals: {sum(same)} of {len(same)}), and not the {measured[0]} and {measured[1]} of its own "
        "Fig. 7. Tables here are generated."
    )


def two_values(values: Sequence[float], **_: Any) -> str:
    """S4-67."""
    return f"One quantity, two values: {values[0]:.4f} and {values[1]:.3f} differ by {abs(values[0] - values[1]):.3f}."


def resized_volume(native: int, resized: int, slices: int, **_: Any) -> str:
    """S4-84."""
    factor = (native / resized) ** 2
    return (
        f"A pixel of the {resized}×{resized} slice covers ({native} / {resized})² = {factor:.2f} native pixels; "
        f"counting it as 1 mm³ gives {1 / factor:.0%} of the slice's volume, and one slice is one of {slices}. "
        "`predict` counts voxels of the whole volume in its own grid."
    )


CHECKS: dict[str, Callable[..., str]] = {
    name: function
    for name, function in list(globals().items())
    if inspect.isfunction(function) and function.__module__ == __name__ and name not in ("background_bound", "meaning")
}


def expose(row: Mapping[str, Any], papers: Mapping[str, Any], stored: Stored) -> str:
    """Run the check of a trap row.

    Args:
        row: Of ``traps`` in ``papers.yaml``.
        papers: ``papers`` of the same file.
        stored: Stored results.
    """
    return CHECKS[row["check"]](**row.get("of", {}), papers=papers, stored=stored)
