"""``bundle.json``: everything about a trained model but its weights."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tumorscope.core.sequence import Sequence
from tumorscope.transforms.prepare import Preprocess


class Outputs(BaseModel):
    """What the channels of the network's output are.

    Attributes:
        kind: ``regions``: nested, one sigmoid each (WT ⊃ TC ⊃ ET); ``classes``: exclusive, softmax, background first;
            ``binary``: one sigmoid; ``types``: one answer per picture, not per pixel, softmax; ``image``: an image.
        names: Sequences (of images), region, class or type names in channel order (``classes``: without background).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["regions", "classes", "binary", "types", "image"]
    names: tuple[str, ...]

    @property
    def channels(self) -> int:
        """Channels of the logits."""
        return len(self.names) + (self.kind == "classes")


class Refine(BaseModel):
    """Sharpening of probabilities by the edges of a picture, slice by slice; chosen on validation cases.

    Attributes:
        name: ``guided`` (guided filter) or ``crf`` (mean field of a conditional random field).
        guide: Sequence whose edges count; None, or where it is missing: the first one the model sees.
        radius: Of the window (guided) or neighbourhood (crf), in pixels.
        contrast: Weakest edge that counts, as a fraction of the guide's range of intensities.
        strength: For crf: weight of the neighbours against the network.
        iterations: For crf: mean-field steps.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["guided", "crf"]
    guide: Sequence | None = None
    radius: int = Field(default=3, ge=1, le=20)
    contrast: float = Field(default=0.1, gt=0)
    strength: float = Field(default=2.0, gt=0)
    iterations: int = Field(default=5, ge=1, le=50)


class Postprocess(BaseModel):
    """How probabilities become labels; every value was chosen on validation cases.

    Attributes:
        refine: Sharpening of the probabilities before they are decoded; None leaves them alone.
        thresholds: Probability from which a region or binary class counts; one value per output name (default 0.5).
        min_voxels: Connected components (3D, 26 neighbours) smaller than this are removed; per region or class name.
        min_ml: The same in millilitres, where spacing is known.
        demote_below_ml: If a region's whole volume is below this, its voxels take the next class (small ET → core).
        fill_holes: Fill holes of the largest region, slice by slice.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    refine: Refine | None = None
    thresholds: dict[str, float] = Field(default_factory=dict)
    min_voxels: dict[str, int] = Field(default_factory=dict)
    min_ml: dict[str, float] = Field(default_factory=dict)
    demote_below_ml: dict[str, float] = Field(default_factory=dict)
    fill_holes: bool = False


class Classify(BaseModel):
    """How a classifier's probabilities become an answer; every value was chosen on validation pictures.

    Attributes:
        temperature: By which each member's logits were divided; it is part of the weights already.
        abstain_below: Probability of the best class below which there is no answer.
        origin: On which pictures, and how, these were chosen.
        novelty: File that tells pictures unlike those trained on (:mod:`tumorscope.inference.novelty`), or None.
        most_surprise: Beyond it a slice shows another sequence (:mod:`tumorscope.study.slice_sequence`); None: not
            asked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: tuple[float, ...] = (1.0,)
    abstain_below: float = Field(default=0.0, ge=0, le=1)
    origin: str = ""
    novelty: str | None = None
    most_surprise: float | None = Field(default=None, gt=0)


class ImageModel(BaseModel):
    """What a model that gives images does.

    Attributes:
        task: ``denoise`` and ``reconstruct`` repair an image; ``vae``, ``gan`` and ``synthesis`` make one.
        in_channels: Of the network.
        out_channels: Of the network.
        degradation: Name and arguments of what is repaired (:mod:`tumorscope.transforms.degrade`).
        condition: For ``synthesis``: classes of the label map that says where the tumour lies.
        classical: Parameters of the methods without a network, per level, tuned on validation cases.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Literal["denoise", "reconstruct", "vae", "gan", "synthesis"]
    in_channels: int
    out_channels: int
    degradation: dict[str, Any] = Field(default_factory=dict)
    condition: tuple[str, ...] = ()
    classical: dict[str, Any] = Field(default_factory=dict)


class TrainingRecord(BaseModel):
    """What a model was trained on.

    Attributes:
        dataset: Data set name.
        licence: Of the data; weights inherit it.
        commercial: False if the data forbid commercial use.
        case_hashes: Content hashes (images' and labels' voxels) of every training and validation case.
        split: The split file's content: unit, seed, hash, counts.
        recipe: The recipe as run.
        manifest: Versions, seconds, hardware, epochs, augmentations that really ran.
    """

    model_config = ConfigDict(extra="forbid")

    dataset: str
    licence: str
    commercial: bool
    case_hashes: list[str]
    split: dict[str, Any] = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)
    manifest: dict[str, Any] = Field(default_factory=dict)


def licence_after(licence: str, before: TrainingRecord | None) -> str:
    """Return the licence text of weights trained on data under ``licence``, started from those of ``before``."""
    if before is None or before.licence == licence:
        return licence
    return f"{licence}; started from weights under: {before.licence}"


class SubsetScore(BaseModel):
    """How a bundle scores when it sees some of its sequences only.

    Attributes:
        sequences: What it saw.
        dice: Output → mean Dice per patient (BraTS' policy for empty masks).
        ci95: Output → 95 % bootstrap interval of that.
        n: Patients.
        on: Which patients, and what computed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sequences: tuple[Sequence, ...]
    dice: dict[str, float]
    ci95: dict[str, tuple[float, float]]
    n: int
    on: str


class Manifest(BaseModel):
    """The content of ``bundle.json``.

    Attributes:
        name: Bundle name.
        version: Of these weights.
        title: One line for people.
        network: Registry name.
        network_args: Keyword arguments besides ``in_channels`` and ``out_channels``.
        preprocess: What goes in.
        outputs: What comes out.
        scheme: Label scheme of the written label map, or ``custom``; a classifier writes none and has ``types``,
            a model that gives images ``image``.
        classes: For ``custom``: value → name.
        postprocess: How probabilities become labels.
        postprocess_origin: On which cases, and how, the post-processing was chosen.
        temperatures: Output → temperature that calibrates its probabilities for intervals and predicted Dice (the label
            map does not depend on it); fitted on validation cases.
        classify: Of a picture classifier (outputs of kind ``types``).
        image: Of a model that gives images (outputs of kind ``image``).
        tta: Always average with the prediction of the left-right mirror image (chosen on validation cases).
        members: Weight files; several are averaged (folds).
        weights_sha256: File → SHA-256.
        training: What it was trained on.
        scores: Scores with their conditions, as ``evaluate --json`` gives them.
        subsets: Mean Dice by output for every subset of the sequences that was measured
            (``benchmarks/sequence_subsets.py``).
        limits: What it must not be used for, one sentence each.
    """

    model_config = ConfigDict(extra="forbid")

    format: Literal[1] = 1
    name: str
    version: str
    title: str
    network: str
    network_args: dict[str, Any]
    preprocess: Preprocess
    outputs: Outputs
    scheme: str
    classes: dict[int, str] = Field(default_factory=dict)
    postprocess: Postprocess = Postprocess()
    postprocess_origin: str = ""
    temperatures: dict[str, float] = Field(default_factory=dict)
    classify: Classify | None = None
    image: ImageModel | None = None
    tta: bool = False
    members: list[str] = Field(default_factory=lambda: ["weights.safetensors"])
    weights_sha256: dict[str, str] = Field(default_factory=dict)
    training: TrainingRecord
    scores: list[dict[str, Any]] = Field(default_factory=list)
    subsets: list[SubsetScore] = Field(default_factory=list)
    limits: list[str] = Field(default_factory=list)
