"""One study of one patient."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tumorscope.core.image import Image
from tumorscope.core.labels import LabelScheme
from tumorscope.core.sequence import Sequence
from tumorscope.core.source import SourceSeries


@dataclass
class Case:
    """The images of one study, and what is known about it.

    Attributes:
        id: Unique within its data set; becomes the output folder's name.
        patient: Patients never cross splits; several cases may share one.
        unit: What ``patient`` stands for: ``block`` (neighbouring numbers kept together) where patient ids are missing,
            ``slice`` where nothing tells which pictures are of one patient, ``group`` where pictures that look the same
            are kept together instead.
        images: Sequence → Image, or the path it is read from when needed.
        label: Reference label map (Image or path), or None.
        scheme: Label scheme of ``label``; None when there is no label.
        ignore_value: Value of ``label`` where nobody labelled (sparse labels); it belongs to no scheme.
        site: Acquiring site, where the data set tells it.
        grade: "HGG" or "LGG", where known.
        tumor_type: "meningioma", "glioma", "pituitary" or "no tumor", where the data set tells it.
        release_part: The part into which the public release puts the case, where it does.
        notes: What discovery saw and the user should know, one sentence each.
        sources: DICOM only: the instances each sequence was read from, slice by slice.
        series: DICOM only: what was found in the study and what each series was taken for, one entry per volume.
        keep: Keeps a temporary folder (an unpacked zip file) alive as long as the case.
        aliases: The patient's names in other releases, where the data set tells them.
        reader: Module-level function ``(case, sequences) -> Case`` that reads the files; None when all is in memory.
    """

    id: str
    patient: str
    images: dict[Sequence, Image | Path]
    label: Image | Path | None = None
    scheme: LabelScheme | None = None
    ignore_value: int | None = None
    unit: Literal["patient", "block", "slice", "group"] = "patient"
    site: str | None = None
    grade: str | None = None
    tumor_type: str | None = None
    release_part: Literal["train", "val", "test"] | None = None
    notes: list[str] = field(default_factory=list)
    sources: dict[Sequence, SourceSeries] = field(default_factory=dict)
    series: list[dict[str, Any]] = field(default_factory=list)
    keep: object = field(default=None, repr=False, compare=False)
    aliases: tuple[str, ...] = ()
    reader: Callable[[Case, tuple[Sequence, ...]], Case] | None = field(default=None, repr=False)

    @property
    def sequences(self) -> tuple[Sequence, ...]:
        """The sequences present, in the fixed order T1, T1CE, T2, FLAIR."""
        return tuple(s for s in Sequence if s in self.images)

    @property
    def names(self) -> frozenset[str]:
        """Every name by which a test list may mean this case."""
        return frozenset((self.id, self.patient, *self.aliases))

    def loaded(self, sequences: Iterable[Sequence] | None = None) -> Case:
        """Return this case with its images and label in memory.

        Args:
            sequences: Those to read; default all. Sequences the case lacks are left out without a word.

        Raises:
            InputError: if a file cannot be read.
        """
        wanted = tuple(s for s in self.sequences if sequences is None or s in set(sequences))
        return self if self.reader is None else self.reader(self, wanted)
