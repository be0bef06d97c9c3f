"""``dataset.json`` of a user's own data."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from tumorscope.core.errors import InputError, TumorscopeError
from tumorscope.core.labels import SCHEMES, LabelScheme, custom_scheme
from tumorscope.core.sequence import Sequence


class FolderInfo(BaseModel):
    """What ``dataset.json`` may say; see :mod:`tumorscope.datasets.folder`.

    Attributes:
        sequence: One sequence, or one per colour channel.
        classes: Label value → name.
        scheme: Name of a known label scheme.
        patient: Regular expression whose first group is the patient in a case's name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sequence: str | list[str] | None = None
    classes: dict[int, str] | None = None
    scheme: str | None = None
    patient: str | None = None

    @field_validator("patient")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            if value is not None and re.compile(value).groups < 1:
                raise ValueError(f"'{value}' has no group in parentheses")
        except re.error as error:
            raise ValueError(f"'{value}' is no regular expression ({error})") from error
        return value

    @property
    def sequences(self) -> tuple[Sequence, ...]:
        """The stated sequences, one per channel; empty if none is stated."""
        names = [self.sequence] if isinstance(self.sequence, str) else self.sequence or []
        return tuple(Sequence.parse(n) for n in names)

    @property
    def label_scheme(self) -> LabelScheme | None:
        """The stated label scheme, or None."""
        if self.classes is not None:
            return custom_scheme(self.classes)
        return SCHEMES[self.scheme] if self.scheme else None

    def patient_of(self, case_id: str) -> str:
        """Return the patient of a case: the first group of the expression, else the case itself."""
        match = re.search(self.patient, case_id) if self.patient else None
        return match.group(1) if match else case_id


def read_info(root: Path) -> FolderInfo:
    """Read ``root/dataset.json``; without one, nothing is stated.

    Raises:
        InputError: if it is not valid: broken JSON, unknown keys, sequences, classes or schemes.
    """
    path = root / "dataset.json"
    if not path.is_file():
        return FolderInfo()
    keys = ", ".join(FolderInfo.model_fields)
    try:
        info = FolderInfo.model_validate_json(path.read_text(encoding="utf-8-sig"))
        problem = "both classes and scheme" if info.classes and info.scheme else ""
        if info.scheme and info.scheme not in SCHEMES:
            problem = f"scheme '{info.scheme}' (known: {', '.join(SCHEMES)})"
        repeated = len(set(info.sequences)) < len(info.sequences)
        problem = "a sequence named twice" if repeated else problem
        if info.label_scheme is not None and not problem:
            info.label_scheme.check([])
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}".lstrip(": ")
    except (KeyError, UnicodeDecodeError, OSError) as error:
        problem = str(error)
    except TumorscopeError as error:
        problem = error.found
    if problem:
        raise InputError(
            expected=f"a dataset.json with the keys {keys}", found=f"{problem} in {path}", fix="Correct or remove it"
        )
    return info
