"""What the integers of a label map mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from tumorscope.core.errors import LabelError
from tumorscope.core.image import Array

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Label:
    """One class: its integer in files, its name and its display colours (RGB, 0-255)."""

    value: int
    name: str
    colour: Colour
    safe_colour: Colour


@dataclass(frozen=True)
class LabelScheme:
    """Names, values, colours and derived regions of a label map.

    Attributes:
        name: Key in :data:`SCHEMES`.
        title: One line for people.
        labels: The classes; 0 is always background and never listed.
        regions: Region → the class names it unites (``WT``, ``TC``, ``ET``), largest first.
    """

    name: str
    title: str
    labels: tuple[Label, ...]
    regions: Mapping[str, tuple[str, ...]]

    @property
    def values(self) -> tuple[int, ...]:
        """The integers that may occur besides 0."""
        return tuple(label.value for label in self.labels)

    @property
    def listing(self) -> str:
        """Values and names for people: "1 NCR/NET, 2 ED, 4 ET"."""
        return ", ".join(f"{label.value} {label.name}" for label in self.labels)

    @property
    def targets(self) -> tuple[str, ...]:
        """Every name :meth:`mask` takes: regions first, then classes that are not themselves a region."""
        return (*self.regions, *(x.name for x in self.labels if x.name not in self.regions))

    def check(self, values: Iterable[int | float], where: str = "the label map") -> None:
        """Make sure that only known values occur.

        Raises:
            LabelError: naming the unknown values.
        """
        unknown = sorted({float(v) for v in values} - {0.0, *map(float, self.values)})
        if unknown:
            raise LabelError(
                expected=f"label values 0, {', '.join(map(str, self.values))} ({self.title})",
                found=f"{', '.join(f'{v:g}' for v in unknown)} in {where}",
                fix="Correct the file, or take it out of the folder if it is not needed",
            )

    def values_of(self, name: str) -> tuple[int, ...]:
        """Return the integers that region or class ``name`` unites.

        Raises:
            LabelError: if the scheme has no such region or class.
        """
        names = self.regions.get(name, (name,))
        values = tuple(label.value for label in self.labels if label.name in names)
        if not values:
            raise LabelError(
                expected=f"one of {', '.join(self.targets)}", found=f"'{name}'", fix="Choose a region of this scheme"
            )
        return values

    def mask(self, labels: Array, name: str) -> Array:
        """Return the boolean mask of region or class ``name``, same shape as ``labels``.

        Raises:
            LabelError: if the scheme has no such region or class.
        """
        values = self.values_of(name)
        if len(values) == 1:
            return np.asarray(labels == values[0])
        return np.isin(labels, values)

    def convert(self, labels: Array, to: LabelScheme) -> Array:
        """Re-map ``labels`` (values of this scheme) to the values of ``to``, class by class.

        Classes are matched by name, else through :data:`EQUIVALENT` (necrosis and non-enhancing core are one
        class after 2015). Returns an array of the same shape and an unsigned integer type.

        Raises:
            LabelError: if an occurring class has no counterpart in ``to``.
        """
        self.check(label_values(labels))
        target = {label.name: label.value for label in to.labels}
        table = np.zeros(max(self.values) + 1, dtype=np.uint8)
        for label in self.labels:
            name = label.name if label.name in target else EQUIVALENT.get(label.name, label.name)
            if name in target:
                table[label.value] = target[name]
            elif len(to.labels) == 1 and label.name in self.regions.get("WT", ()):
                table[label.value] = to.labels[0].value
            elif (labels == label.value).any():
                raise LabelError(
                    expected=f"classes that '{to.name}' has ({', '.join(target)})",
                    found=f"'{label.name}'",
                    fix="Choose a target scheme that has this class",
                )
        return table[np.asarray(labels).astype(np.uint8)]


def label_values(labels: Array) -> Array:
    """Return the values that occur, sorted; for 8-bit maps by a table instead of sorting millions of voxels."""
    if labels.dtype != np.uint8:
        return np.unique(labels)
    seen = np.zeros(256, dtype=bool)
    seen[labels] = True
    return np.flatnonzero(seen)


#: Class names that mean the same tissue in schemes which name it differently.
EQUIVALENT: dict[str, str] = {"NCR": "NCR/NET", "NET": "NCR/NET", "NETC": "NCR/NET", "SNFH": "ED"}

# The papers' colours (purple core, green oedema, blue enhancement), and Okabe-Ito ones for colour-blind readers.
_CORE: tuple[Colour, Colour] = ((142, 68, 173), (213, 94, 0))
_OEDEMA: tuple[Colour, Colour] = ((46, 204, 113), (86, 180, 233))
_ENHANCING: tuple[Colour, Colour] = ((41, 98, 255), (240, 228, 66))
_FOURTH: tuple[Colour, Colour] = ((230, 126, 34), (0, 158, 115))


def _glioma(core: str, oedema: str, extra: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    return {"WT": (core, *extra, oedema, "ET"), "TC": (core, *extra, "ET"), "ET": ("ET",)}


BRATS = LabelScheme(
    "brats",
    "BraTS 2017-2022: 1 necrotic/non-enhancing core, 2 oedema, 4 enhancing",
    (Label(1, "NCR/NET", *_CORE), Label(2, "ED", *_OEDEMA), Label(4, "ET", *_ENHANCING)),
    _glioma("NCR/NET", "ED"),
)
BRATS_2023 = LabelScheme(
    "brats-2023",
    "BraTS 2023: 1 necrotic/non-enhancing core, 2 oedema, 3 enhancing",
    (Label(1, "NCR/NET", *_CORE), Label(2, "ED", *_OEDEMA), Label(3, "ET", *_ENHANCING)),
    _glioma("NCR/NET", "ED"),
)
BRATS_2024 = LabelScheme(
    "brats-2024",
    "BraTS 2024 post-treatment: 1 non-enhancing core, 2 FLAIR hyperintensity, 3 enhancing, 4 resection cavity",
    (
        Label(1, "NETC", *_CORE),
        Label(2, "SNFH", *_OEDEMA),
        Label(3, "ET", *_ENHANCING),
        Label(4, "RC", *_FOURTH),
    ),
    _glioma("NETC", "SNFH"),
)
BRATS_2015 = LabelScheme(
    "brats-2015",
    "BraTS 2013-2016: 1 necrosis, 2 oedema, 3 non-enhancing core, 4 enhancing",
    (
        Label(1, "NCR", *_CORE),
        Label(2, "ED", *_OEDEMA),
        Label(3, "NET", *_FOURTH),
        Label(4, "ET", *_ENHANCING),
    ),
    _glioma("NCR", "ED", ("NET",)),
)
DECATHLON = LabelScheme(
    "decathlon",
    "Medical Segmentation Decathlon Task01: 1 oedema, 2 non-enhancing core, 3 enhancing",
    (Label(1, "ED", *_OEDEMA), Label(2, "NCR/NET", *_CORE), Label(3, "ET", *_ENHANCING)),
    _glioma("NCR/NET", "ED"),
)
BINARY = LabelScheme(
    "binary", "1 tumour (or abnormality)", (Label(1, "tumor", (220, 38, 38), (213, 94, 0)),), {"tumor": ("tumor",)}
)

#: Every label scheme by name.
SCHEMES: dict[str, LabelScheme] = {s.name: s for s in (BRATS, BRATS_2023, BRATS_2024, BRATS_2015, DECATHLON, BINARY)}


def custom_scheme(classes: Mapping[int, str]) -> LabelScheme:
    """Build a scheme for a user's own classes.

    Args:
        classes: Integer value (1-255) → name.

    Raises:
        LabelError: if a value is out of range or a name repeats.
    """
    if not classes or min(classes) < 1 or max(classes) > 255 or len(set(classes.values())) < len(classes):
        raise LabelError(
            expected="distinct class names with values 1-255", found=f"{dict(classes)}", fix="Correct the class list"
        )
    palette = (_OEDEMA, _ENHANCING, _CORE, _FOURTH)
    labels = tuple(Label(v, n, *palette[i % 4]) for i, (v, n) in enumerate(sorted(classes.items())))
    return LabelScheme("custom", "classes of the data set", labels, {})


def detect_scheme(values: Iterable[int], hint: str = "") -> LabelScheme:
    """Tell the scheme of a BraTS-like label map from its values and its file name.

    The values alone decide where they can: {…, 4} without 3 is BraTS 2017-2022, {…, 3} without 4 is BraTS 2023.
    With both 3 and 4, a ``BraTS-`` name (2023 and later) is BraTS 2024, any other is BraTS 2013-2016. With
    neither, the name decides, since 1 and 2 mean the same in all of them.

    Raises:
        LabelError: if a value fits no scheme.
    """
    present = {int(v) for v in values} - {0}
    modern = "brats-" in hint.lower()
    if present - {1, 2, 3, 4}:
        BRATS.check(present, hint or "the label map")
    if {3, 4} <= present:
        return BRATS_2024 if modern else BRATS_2015
    if 3 in present:
        return BRATS_2023
    if 4 in present:
        return BRATS_2024 if modern else BRATS
    return BRATS_2023 if modern else BRATS
