"""What gives the four-class pictures away, what a classifier does with foreign pictures, and where it looks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from tumorscope.baselines.type_classifiers import train_and_ask
from tumorscope.baselines.type_features import picture_features
from tumorscope.bundles.bundle import Bundle
from tumorscope.core.answer import NO_TUMOR
from tumorscope.core.errors import TumorscopeError
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets import DATASETS
from tumorscope.datasets.splits import Split
from tumorscope.formats.raster import AFFINE
from tumorscope.inference.type_predictor import TypePredictor
from tumorscope.recipes.recipe import held_out, read_recipe
from tumorscope.transforms.grid import to_model_orientation
from tumorscope.transforms.prepare import prepare, prepare_label
from tumorscope.transforms.shortcut import border_only, brain_only, outline_only

NAMES = ("glioma", "meningioma", "pituitary", "no tumor")


def as_image(pixels: Any) -> Image:
    """Return rows and columns as a picture."""
    return Image(np.ascontiguousarray(np.asarray(pixels).T)[:, :, None], AFFINE, spacing_known=False)


def _asked(predictor: TypePredictor, pictures: list[Any]) -> tuple[Any, Any]:
    """Return probabilities (N, K) and how foreign each is; a picture that shows nothing is left out."""
    found, foreign = [], []
    for pixels in pictures:
        try:
            answer = predictor.predict({Sequence.T1CE: as_image(pixels)})
        except TumorscopeError:
            continue
        found.append(list(answer.probabilities.values()))
        foreign.append(answer.foreign)
    return np.array(found), np.array(foreign)


def _shares(predictor: TypePredictor, pictures: list[Any]) -> dict[str, Any]:
    p, foreign = _asked(predictor, pictures)
    if not len(p):
        return {"n": 0}
    sure = p.max(axis=1) >= predictor.settings.abstain_below
    told = sure & (foreign <= 1)
    answers = [NAMES[k] for k in p.argmax(axis=1)[told]]
    return {
        "n": len(p),
        "called foreign": round(float((foreign > 1).mean()), 4),
        "no answer": round(float(((foreign <= 1) & ~sure).mean()), 4),
        "answered": {name: round(answers.count(name) / len(p), 4) for name in NAMES if name in answers},
        "mean confidence of the network": round(float(p.max(axis=1).mean()), 4),
    }


def _kept(study: Any, split: Split, part: str, count: int, seed: int = 0) -> list[Any]:
    """Return some cases of a part, all types alike."""
    rng = np.random.default_rng(seed)
    wanted = set(split.parts[part])  # type: ignore[index]
    cases = [c for c in study.cases["four_class"] if c.id in wanted]
    chosen = []
    for name in NAMES:
        own = [c for c in cases if c.tumor_type == name]
        chosen += [own[i] for i in sorted(rng.permutation(len(own))[: count // len(NAMES)])]
    return chosen


def _pixels(case: Any) -> Any:
    image = next(iter(case.loaded().images.values()))
    assert isinstance(image, Image)
    return image.data[:, :, 0].T


def shortcuts(study: Any, bundle: Bundle, split: Split, train: int = 800, test: int = 400) -> dict[str, Any]:
    """Return the accuracy on pictures whole, of the border, of the head's outline and of the brain alone.

    ``retrained``: a support vector machine that sees only such pictures, in training and test: what they give away.
    ``shipped``: the shipped classifier, trained on whole pictures: what it makes of them. Grouped split, types alike.
    """
    predictor = TypePredictor(bundle)
    spec = read_recipe("four-class-efficientnet-b1").preprocess
    pictures = study.pictures("four_class", spec)
    cut = {
        "whole": lambda p: p,
        "border only": border_only,
        "head outline only": outline_only,
        "brain only": brain_only,
    }
    known, asked = _kept(study, split, "train", train), _kept(study, split, "test", test)
    truth = [np.array([NAMES.index(str(c.tumor_type)) for c in cases]) for cases in (known, asked)]
    result: dict[str, Any] = {"training pictures": len(known), "test pictures": len(asked)}
    for name, change in cut.items():
        shown = [
            np.stack([change(pictures.array[pictures.position[c.id], 0].astype(np.float32)) for c in cases])
            for cases in (known, asked)
        ]
        features = [picture_features(s) for s in shown]
        p = train_and_ask("svm", features[0], truth[0], features[1], classes=len(NAMES))
        answers, right = [], 0
        blank = 0
        for case, number in zip(asked, truth[1].tolist(), strict=True):
            try:
                said = predictor.predict({Sequence.T1CE: as_image(change(_pixels(case)))})
            except TumorscopeError:
                blank += 1
                continue
            answers.append(said.is_foreign or said.type is None)
            right += said.best == NAMES[number]
        no = NAMES.index("no tumor")
        result[name] = {
            "retrained accuracy": round(float((p.argmax(axis=1) == truth[1]).mean()), 4),
            "retrained accuracy, tumour or not": round(float(((p.argmax(axis=1) == no) == (truth[1] == no)).mean()), 4),
            "shipped accuracy, every answer counted": round(right / len(answers), 4) if answers else None,
            "shipped gives no answer": round(float(np.mean(answers)), 4) if answers else None,
            "pictures with nothing left": blank,
        }
        print("shortcut", name, result[name], flush=True)
    return result


def foreign_pictures(study: Any, split: Split, count: int = 40) -> dict[str, list[Any]]:
    """Return pictures that no tumour classifier should answer, by kind."""
    import pydicom
    import skimage
    from pydicom.data import get_testdata_file

    folder = Path(skimage.__file__).parent / "data"
    names = ("astronaut", "brick", "camera", "cell", "chelsea", "coffee", "coins", "grass", "gravel", "moon", "page")
    names += ("ihc", "motorcycle_left", "text", "clock_motion", "horse", "color")
    photographs = [np.asarray(Pillow.open(folder / f"{n}.png").convert("L")) for n in names]
    photographs += [np.asarray(Pillow.open(folder / f"{n}.jpg").convert("L")) for n in ("rocket", "retina")]
    rng = np.random.default_rng(0)
    some = _kept(study, split, "test", count)
    return {
        "photographs of scikit-image": photographs,
        "CT of pydicom": [pydicom.dcmread(str(get_testdata_file("CT_small.dcm"))).pixel_array.astype(np.float32)],
        "noise": [rng.random((224, 224)) for _ in range(10)] + [rng.normal(5, 1, (224, 224)) for _ in range(10)],
        "rendered text": [_text(k) for k in range(10)],
        "inverted test slices": [255.0 - _pixels(c) for c in some],
        "test slices upside down": [_pixels(c)[::-1] for c in some],
        **_other_sequences(study),
    }


def _text(number: int) -> Any:
    page = Pillow.new("L", (300, 300), 0 if number % 2 else 255)
    draw = ImageDraw.Draw(page)
    for line in range(12):
        words = f"line {line} of page {number}: the scan shows {line * number} slices"
        draw.text((10, 10 + 22 * line), words, fill=255 if number % 2 else 0)
    return np.asarray(page)


def _other_sequences(study: Any) -> dict[str, list[Any]]:
    """Return slices of other data sets by sequence, T1CE among them for comparison.

    Three per patient where the tumour is (or would be), of patients on the fixed test lists alone: others may have
    trained what tells sequences (benchmarks/slice_sequence.py).
    """
    found: dict[str, list[Any]] = {}
    for name, folder in study.others.items():
        fixed = set(held_out(name))
        for case in DATASETS.load(name).discover(folder):
            if not case.names & fixed:
                continue
            loaded = case.loaded()
            assert isinstance(loaded.label, Image)
            areas = (to_model_orientation(loaded.label) > 0).sum(axis=(0, 1))
            shown = np.flatnonzero(areas > 0.5 * areas.max())
            chosen = [int(areas.argmax()), int(shown[0]), int(shown[-1])]
            for sequence, image in loaded.images.items():
                assert isinstance(image, Image)
                volume = to_model_orientation(image)
                found.setdefault(f"{name} {sequence} slices", []).extend(volume[:, :, z].T for z in chosen)
    return found


def foreign_shares(study: Any, bundle: Bundle, split: Split) -> dict[str, Any]:
    """Return what the shipped classifier does with each kind of foreign picture, and with its own test pictures."""
    predictor = TypePredictor(bundle)
    some = _kept(study, split, "test", 400)
    own = {
        "its own test slices with tumour": [_pixels(c) for c in some if c.tumor_type != NO_TUMOR],
        "its own test slices without tumour": [_pixels(c) for c in some if c.tumor_type == NO_TUMOR],
    }
    result = {}
    for name, pictures in {**own, **foreign_pictures(study, split)}.items():
        result[name] = _shares(predictor, pictures)
        print(name, result[name], flush=True)
    return result


def gradcam_shares(study: Any, bundle: Bundle, count: int = 90) -> dict[str, Any]:
    """Return how much of Grad-CAM lies in the reference tumour, on Figshare's pictures of the fixed test list.

    Beside it, as a check that needs no gradients: how much the answer's probability falls when the tumour is covered
    with the mean brightness of the head, and when as large a part of the head elsewhere is.
    """
    from tumorscope.core.labels import BINARY
    from tumorscope.core.segmentation import Segmentation
    from tumorscope.workflows.classify import Classifier

    classifier = Classifier(bundle)
    fixed = set(held_out("figshare"))
    cases = [c for c in study.cases["figshare"] if c.names & fixed]
    looked: dict[str, list[tuple[float, float]]] = {}
    fell: dict[str, list[tuple[float, float]]] = {}
    for case in cases[:: max(1, len(cases) // count)]:
        loaded = case.loaded()
        images = {s: i for s, i in loaded.images.items() if isinstance(i, Image)}
        assert isinstance(loaded.label, Image)
        finding = classifier.run(images, Segmentation(loaded.label, BINARY))
        if finding.looked is not None:
            looked.setdefault(str(case.tumor_type), []).append(finding.looked)
            fell.setdefault(str(case.tumor_type), []).append(_covered(classifier, images, loaded.label))
    return {
        name: {
            "n": len(values),
            "median share inside the tumour": round(float(np.median([v[0] for v in values])), 4),
            "median share of the picture that is tumour": round(float(np.median([v[1] for v in values])), 4),
            "share of pictures with more than by chance": round(float(np.mean([a > b for a, b in values])), 4),
            "median fall of probability, tumour covered": round(float(np.median([f[0] for f in fell[name]])), 4),
            "median fall, as much covered elsewhere": round(float(np.median([f[1] for f in fell[name]])), 4),
        }
        for name, values in looked.items()
    }


def _covered(classifier: Any, images: dict[Sequence, Image], label: Image) -> tuple[float, float]:
    """Return the fall of the answer's probability with the tumour covered, and as much elsewhere (mean of 4)."""
    predictor = classifier.predictor
    spec = predictor.bundle.manifest.preprocess
    prepared = prepare(images, spec)
    picture, mask = prepared.array[0], prepare_label(label, prepared)[0] > 0
    head = picture[0] > 0
    rows, columns = np.nonzero(mask)
    rng = np.random.default_rng(0)
    shown = [picture, np.where(mask, picture[0][head].mean(), picture[0])[None].astype(np.float32)]
    places = np.argwhere(head & ~mask)
    while len(shown) < 6:
        middle = places[rng.integers(len(places))]
        step = middle - np.array([int(rows.mean()), int(columns.mean())])
        at = (rows + step[0]) % mask.shape[0], (columns + step[1]) % mask.shape[1]
        moved = np.zeros_like(mask)
        moved[at] = True
        if (moved & mask).any() and rng.random() < 0.9:
            continue
        shown.append(np.where(moved & ~mask, picture[0][head].mean(), picture[0])[None].astype(np.float32))
    p = predictor.probabilities(np.stack(shown))
    said = int(p[0].argmax())
    return float(p[0, said] - p[1, said]), float(p[0, said] - p[2:, said].mean())


def latency(study: Any, bundle: Bundle, count: int = 60, rounds: int = 8) -> dict[str, Any]:
    """Return milliseconds from pixels in memory to an answer, after load, by runtime.

    Of each round the median; other work on the machine only adds to a round, so the fastest counts, and the slowest is
    told beside it.
    """
    cases = study.cases["four_class"][: count + 5]
    images = [{Sequence.T1CE: as_image(_pixels(c))} for c in cases]
    result = {}
    for runtime in ("openvino", "torch"):
        predictor = TypePredictor(bundle, runtime, "cpu")
        medians = []
        for _ in range(rounds):
            seconds, work = [], []
            for shown in images:
                started, used = time.perf_counter(), time.process_time()
                predictor.predict(shown)
                seconds.append(time.perf_counter() - started)
                work.append(time.process_time() - used)
            medians.append((1000 * float(np.median(seconds[5:])), 1000 * float(np.median(work[5:]))))
        fastest = min(medians)
        result[runtime] = {
            "engine": predictor.runtime.description,
            "slices": count,
            "rounds": rounds,
            "median ms": round(fastest[0], 2),
            "median ms of the slowest round": round(max(medians)[0], 2),
            "median processor ms": round(fastest[1], 2),
        }
        print(runtime, result[runtime], flush=True)
    return result
