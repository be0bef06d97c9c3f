"""What the header of an MRI series says about how it was made; nothing here identifies a person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

#: Words of series descriptions that are shown to people. Everything else may be a name and is left out.
_PLAIN_WORDS = frozenset(
    [
        "t1",
        "t2",
        "t1w",
        "t2w",
        "t1ce",
        "t1c",
        "t1gd",
        "t1n",
        "t2f",
        "pd",
        "flair",
        "stir",
        "tirm",
        "mprage",
        "mp2rage",
        "mpr",
        "spgr",
        "fspgr",
        "bravo",
        "space",
        "cube",
        "vista",
        "vibe",
        "tfe",
        "tse",
        "fse",
        "fl2d",
        "fl3d",
        "tfl",
        "se",
        "sag",
        "cor",
        "ax",
        "tra",
        "trans",
        "axial",
        "axiale",
        "axl",
        "sagittal",
        "coronal",
        "transversal",
        "oblique",
        "obl",
        "gd",
        "gad",
        "gado",
        "post",
        "pre",
        "ce",
        "contrast",
        "contraste",
        "kontrast",
        "km",
        "nativ",
        "native",
        "without",
        "with",
        "wo",
        "w",
        "iv",
        "dark",
        "fluid",
        "fs",
        "fatsat",
        "fat",
        "sat",
        "sense",
        "grappa",
        "iso",
        "isotropic",
        "2d",
        "3d",
        "brain",
        "head",
        "cranial",
        "neuro",
        "mri",
        "mr",
        "dwi",
        "dti",
        "adc",
        "trace",
        "fa",
        "swi",
        "gre",
        "tof",
        "mra",
        "mrv",
        "dsc",
        "dce",
        "perf",
        "perfusion",
        "ep2d",
        "epi",
        "diff",
        "localizer",
        "scout",
        "survey",
        "loc",
        "mip",
        "min",
        "minip",
        "phase",
        "mag",
        "mm",
        "blade",
        "propeller",
        "medic",
        "hemo",
        "ir",
        "inv",
        "rev",
        "tumor",
        "tumour",
        "stealth",
        "nav",
        "navigation",
        "thin",
        "thick",
        "rapid",
        "fast",
        "routine",
        "study",
        "series",
        "seg",
        "sub",
        "reformat",
        "ffe",
        "irfse",
        "irfspgr",
        "t2star",
        "b0",
        "b1000",
        "asl",
        "bold",
        "fmri",
        "mrs",
        "csi",
        "svs",
        "volumetric",
        "volume",
        "vol",
        "pat2",
        "dis2d",
        "dis3d",
        "nd",
        "norm",
    ]
)


@dataclass(frozen=True)
class SeriesTags:
    """Header values that tell sequences apart; None or empty where the header lacks them.

    Attributes:
        description: Series description and protocol name, as written; may hold personal data, never show it.
        image_type: Values of ImageType (and of FrameType in multi-frame files).
        scanning_sequence: SE, GR, IR, EP, RM.
        sequence_variant: SK, MP, SP, …
        sequence_name: Vendor's name, as ``*tfl3d1``.
        acquisition_contrast: T1, T2, DIFFUSION, … (multi-frame).
        acquisition_type: 2D or 3D.
        contrast_agent: True where the header names one, False where it says none, None where it is silent.
        echo_time: ms.
        repetition_time: ms.
        inversion_time: ms.
        flip_angle: Degrees.
        b_value: s/mm².
        time: Acquisition time as HHMMSS.ffffff, to put series of one study in order.
    """

    description: str = ""
    image_type: tuple[str, ...] = ()
    scanning_sequence: tuple[str, ...] = ()
    sequence_variant: tuple[str, ...] = ()
    sequence_name: str = ""
    acquisition_contrast: str = ""
    acquisition_type: str = ""
    contrast_agent: bool | None = None
    echo_time: float | None = None
    repetition_time: float | None = None
    inversion_time: float | None = None
    flip_angle: float | None = None
    b_value: float | None = None
    time: str = ""

    @property
    def plain_description(self) -> str:
        """The description with every word left out that is no usual word for an MRI series."""
        words = re.findall(r"[A-Za-z0-9]+", self.description.lower())
        return " ".join(dict.fromkeys(w for w in words if w in _PLAIN_WORDS))


def series_tags(ds: Any, frame: Any = None) -> SeriesTags:
    """Read the tags of a data set, or of one frame of a multi-frame one.

    Args:
        ds: pydicom data set.
        frame: ``name -> value`` lookup of the frame's functional groups, or None.
    """

    def get(*names: str) -> Any:
        for name in names:
            value = frame(name) if frame is not None else None
            value = ds.get(name) if value in (None, "") else value
            if value not in (None, ""):
                return value
        return None

    words = [str(get(n)) for n in ("SeriesDescription", "ProtocolName") if get(n)]
    return SeriesTags(
        description=" ".join(words),
        image_type=tuple(dict.fromkeys((*_upper(ds.get("ImageType")), *_upper(get("FrameType"))))),
        scanning_sequence=_upper(get("ScanningSequence", "EchoPulseSequence")),
        sequence_variant=_upper(get("SequenceVariant")),
        sequence_name=str(get("SequenceName", "PulseSequenceName") or ""),
        acquisition_contrast=str(get("AcquisitionContrast") or "").upper(),
        acquisition_type=str(get("MRAcquisitionType") or "").upper(),
        contrast_agent=_agent(ds),
        echo_time=number(get("EffectiveEchoTime", "EchoTime")),
        repetition_time=number(get("RepetitionTime")),
        inversion_time=number(get("InversionTimes", "InversionTime")),
        flip_angle=number(get("FlipAngle")),
        b_value=number(get("DiffusionBValue")),
        time=str(get("AcquisitionTime", "ContentTime", "SeriesTime") or ""),
    )


def number(value: Any) -> float | None:
    """Return ``value`` (or its first element) as a float, None where it is no finite number."""
    if value is not None and not isinstance(value, str | bytes) and hasattr(value, "__len__"):
        value = value[0] if len(value) else None
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if abs(found) < 1e12 else None


def _upper(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    values = [value] if isinstance(value, str) else list(value)
    return tuple(part for v in values for part in re.split(r"[\\+]", str(v).upper().strip()) if part)


def _agent(ds: Any) -> bool | None:
    """Say whether a contrast agent was given, as far as the header tells."""
    text = str(ds.get("ContrastBolusAgent") or "").strip().lower()
    if text in ("no", "none", "n", "0", "without", "no contrast"):
        return False
    if text or ds.get("ContrastBolusAgentSequence"):
        return True
    volume = number(ds.get("ContrastBolusVolume"))
    return True if volume else None
