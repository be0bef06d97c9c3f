from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

from tumorscope.core.case import Case
from tumorscope.core.image import Image
from tumorscope.core.sequence import Sequence
from tumorscope.datasets.phantom import PhantomSpec, make_phantom
from tumorscope.datasets.phantom.skull import with_skull


@lru_cache(maxsize=2)
def _phantom(seed: int) -> Case:
    return make_phantom(PhantomSpec(seed=seed), spacing=2.0)


@lru_cache(maxsize=4)
def _head(sequence: Sequence) -> tuple[Image, np.ndarray]:
    image = _phantom(1).images[sequence]
    assert isinstance(image, Image)
    return with_skull(image, sequence)


@pytest.fixture
def phantom() -> Case:
    case = _phantom(1)
    return Case(case.id, case.patient, dict(case.images), case.label, case.scheme)


@pytest.fixture
def head():
    return _head
