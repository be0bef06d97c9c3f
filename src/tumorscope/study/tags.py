"""Which sequence a series is, as its header tells: words of the description, contrast agent, echo and other times."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tumorscope.core.sequence import Sequence
from tumorscope.formats.dicom_tags import SeriesTags

#: Word patterns → what a series is, when it is none of the four sequences. Searched in the description in lower case.
_OTHER: tuple[tuple[str, str], ...] = (
    (r"\b(dwi|dti|adc|eadc|trace\w*|tracew|diff\w*|resolve|b0|b1000|b 1000|fa|colfa|tensor|ivim|noddi)\b", "diffusion"),
    (r"\b(swi|swan|ven ?bold|mip images|pha ?images|mag ?images|minip|swip)\b", "susceptibility-weighted"),
    (r"\b(t2 ?star|t2s|hemo|gre hemo|ffe hemo|medic|merge)\b|t2 ?\*", "T2*"),
    (r"\b(dsc|dce|perf\w*|pwi|rcbv|rcbf|cbv|cbf|mtt|ttp|tmax|ktrans|asl|pcasl|pasl|gbp|pbp|wash ?in)\b", "perfusion"),
    (r"\b(tof|mra|mrv|angio\w*|venogr\w*|pca|inhance|twist|tricks|cow)\b", "angiography"),
    (r"\b(mrs|csi|svs|spectr\w*|press|steam)\b", "spectroscopy"),
    (r"\b(bold|fmri|resting|rest ?state|task)\b", "functional"),
    (r"\b(loc|localizer|localiser|scout|survey|plan|3 ?plane|aahead\w*|smartbrain)\b", "localizer"),
    (r"\b(sub|subtr\w*|subtraction)\b", "a subtraction"),
    (r"\b(mip|min ?ip|mpr thick mip|proj\w*)\b", "a projection"),
    (r"\b(dir|double inversion)\b", "double inversion"),
    (r"\b(pd|proton ?density|pdw)\b(?!.*t2)", "proton density"),
    (
        r"\b(t1 ?map|t2 ?map|synthetic|magic|qsm|r2star|fieldmap|field ?map|b1 ?map|phase ?map|calibration)\b",
        "a map",
    ),
)
#: ImageType values that no structural scan has.
_DERIVED = {
    "ADC": "diffusion", "TRACEW": "diffusion", "DIFFUSION": "diffusion", "FA": "diffusion", "TENSOR": "diffusion",
    "EADC": "diffusion", "EXPONENTIAL": "diffusion", "SUBTRACTION": "a subtraction", "SUB": "a subtraction",
    "PROJECTION IMAGE": "a projection", "MIP": "a projection", "MIN_IP": "a projection", "MNIP": "a projection",
    "MAXIMUM_INTENSITY_PROJECTION": "a projection", "PERFUSION": "perfusion", "RCBV": "perfusion", "RCBF": "perfusion",
    "CBV": "perfusion", "CBF": "perfusion", "MTT": "perfusion", "TTP": "perfusion", "PBP": "perfusion",
    "GBP": "perfusion", "ASL": "perfusion", "LOCALIZER": "localizer", "P": "a phase image", "PHASE": "a phase image",
    "PHASE MAP": "a phase image", "R": "a real-part image", "I": "an imaginary-part image",
    "SWI": "susceptibility-weighted",
    "MOSAIC": "an echo-planar mosaic", "FMRI": "functional", "T1 MAP": "a map", "T2 MAP": "a map",
    "VELOCITY": "a flow map",
}  # fmt: skip
#: "with and without contrast": a whole protocol's name, which says nothing of one series.
_PROTOCOL = r"\b(w|with) ?(and )?(wo|w o|without)( (contrast\w*|gad\w*|gd|iv))*\b"
_FLAIR = r"flair|\bdark ?fluid\b|\btirm\b|\bfluid att\w*"
_T2 = r"\bt2\w*"
_T1 = r"\bt1\w*|\bmp ?rage\b|\bmp2rage\b|\bf?spgr\b|\bbravo\b|\bvibe\b|\btfl3?d?\d?\b|\bir ?f?spgr\b|\bmpr\b"
_WITHOUT = (
    r"\b(pre|without|w o|wo|non|nativ\w*|ohne|sans|senza|sin|no) ?"
    r"(gd|gad\w*|contrast\w*|km|kontrast\w*|iv|ce)?\b"
)
_WITH = (
    r"\b(gd|gad\w*|gado\w*|post\w*|ce|cm|km|c\+|contrast\w*|kontrast\w*|mdc|enhanced|dotarem|t1gd|t1ce|t1c|t1wce|"
    r"with|mit|avec|apres)\b|\bt1\w* ?\+ ?c\b|\+ ?(c|gd|gad\w*|km)\b"
)

#: What words and times together, words alone, and times alone are worth.
BOTH, WORDS, TIMES, CONFLICT = 0.99, 0.9, 0.8, 0.5


@dataclass(frozen=True)
class Recognised:
    """What a series is.

    Attributes:
        sequence: One of the four, or None.
        confidence: 0-1.
        reason: In words, ready to be shown.
        other: What it is instead ("diffusion", "localizer"), where it is certainly none of the four.
    """

    sequence: Sequence | None
    confidence: float
    reason: str
    other: str = ""


def recognise_tags(tags: SeriesTags) -> Recognised:
    """Tell the sequence of a series from its header.

    Diffusion, perfusion, susceptibility, angiography, maps, subtractions, projections, localizers and the like are
    none of the four; then ``other`` says what they are. A derived image (re-formatted, re-sent) may be one of them.
    """
    text = re.sub(r"[^a-z0-9+*]+", " ", f"{tags.description} {tags.sequence_name}".lower()).strip()
    text = re.sub(_PROTOCOL, " ", text)
    other = _other(tags, text)
    if other:
        return Recognised(None, BOTH, other[1], other[0])
    said, timed = _by_words(text), _by_times(tags)
    if said is None and timed is None:
        return Recognised(None, 0.0, "Neither description nor times tell the sequence.")
    family = said or timed
    assert family is not None
    confidence, why = BOTH, "description and times"
    if said is None or timed is None:
        confidence, why = (WORDS, "the description") if said else (TIMES, "echo, repetition and inversion time")
    elif said != timed:
        return Recognised(
            _contrast(said, tags, text)[0], CONFLICT, f"The description says {said}, the times say {timed}."
        )
    if family is not Sequence.T1:
        return Recognised(family, confidence, f"Told by {why}.")
    sequence, sure, reason = _contrast(family, tags, text)
    return Recognised(sequence, min(confidence, sure), f"Told by {why}; {reason}.")


def _other(tags: SeriesTags, text: str) -> tuple[str, str] | None:
    for value in tags.image_type:
        if value in _DERIVED:
            return _DERIVED[value], f"The image type is {value}."
    if tags.b_value:
        return "diffusion", "It has a b-value."
    if tags.acquisition_contrast in ("DIFFUSION", "PERFUSION", "ANGIO", "FLOW_ENCODED", "T2_STAR", "PROTON_DENSITY"):
        return tags.acquisition_contrast.lower().replace("_", " "), "The header states the contrast."
    for pattern, what in _OTHER:
        if re.search(pattern, text):
            return what, "The description says so."
    echo, repetition, gradient = tags.echo_time, tags.repetition_time, "GR" in tags.scanning_sequence
    if "EP" in tags.scanning_sequence and "IR" not in tags.scanning_sequence and not re.search(f"{_T1}|{_T2}", text):
        return "echo-planar", "It is an echo-planar scan."
    if gradient and echo is not None and echo > 12 and (tags.inversion_time or 0) < 200 and (repetition or 0) > 20:
        return "T2*", f"It is a gradient echo with an echo time of {echo:g} ms."
    long = repetition is not None and repetition > 1800
    if (
        long
        and echo is not None
        and echo < 35
        and not gradient
        and not tags.inversion_time
        and not re.search(_T1, text)
    ):
        return "proton density", f"Echo time {echo:g} ms and repetition time {repetition:g} ms."
    return None


def _by_words(text: str) -> Sequence | None:
    t1 = re.search(_T1, text)
    if re.search(_FLAIR, text):
        return Sequence.T1 if t1 and not re.search(_T2, text) else Sequence.FLAIR  # "T1 FLAIR" is T1-weighted
    if re.search(_T2, text):
        return Sequence.T2
    return Sequence.T1 if t1 else None


def _by_times(tags: SeriesTags) -> Sequence | None:
    """Tell T1-, T2-weighted and FLAIR by TE, TR and TI in ms (usual ranges at 1.5 and 3 T)."""
    stated = {"T1": Sequence.T1, "T2": Sequence.T2, "FLUID_ATTENUATED": Sequence.FLAIR}.get(tags.acquisition_contrast)
    if stated:
        return Sequence.FLAIR if stated is Sequence.T2 and (tags.inversion_time or 0) > 1400 else stated
    echo, repetition, inversion = tags.echo_time, tags.repetition_time, tags.inversion_time or 0.0
    if echo is None:
        return None
    if echo >= 60:
        if inversion > 1400:
            return Sequence.FLAIR
        return Sequence.T2 if inversion < 50 and (repetition is None or repetition > 1500) else None
    gradient = "GR" in tags.scanning_sequence or (repetition is not None and repetition < 60)
    short = repetition is not None and (repetition < 1200 or 200 < inversion < 1400)
    return Sequence.T1 if echo < 35 and (short or (gradient and echo < 12)) else None


def _contrast(family: Sequence, tags: SeriesTags, text: str) -> tuple[Sequence, float, str]:
    """Tell T1 before contrast from T1 after it."""
    if family is not Sequence.T1:
        return family, BOTH, ""
    without = bool(re.search(_WITHOUT, text))
    given = bool(re.search(_WITH, re.sub(_WITHOUT, " ", text)))
    if tags.contrast_agent is True:
        if without and not given:
            return Sequence.T1, CONFLICT, "the header names a contrast agent, the description says none was given"
        return Sequence.T1CE, BOTH if given else WORDS + 0.05, "the header names a contrast agent"
    if given and not without:
        sure = CONFLICT if tags.contrast_agent is False else WORDS
        return Sequence.T1CE, sure, "the description says contrast was given"
    sure = BOTH if tags.contrast_agent is False or without else TIMES
    return Sequence.T1, sure, "without contrast" if sure == BOTH else "no contrast agent is named"
