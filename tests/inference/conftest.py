"""A cache folder of its own, and tiny bundles."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tiny_bundles import BINARY, manifest, save_tiny
from tumorscope.bundles.bundle import Bundle
from tumorscope.core.sequence import Sequence


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORSCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def regions_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return save_tiny(tmp_path_factory.mktemp("regions"), manifest(network="fpn"))


@pytest.fixture(scope="session")
def two_members(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    made = manifest(sequences=(Sequence.FLAIR,), outputs=BINARY, scheme="binary", context=0)
    return save_tiny(tmp_path_factory.mktemp("members"), made, members=2)


@pytest.fixture
def echo_bundle(tmp_path: Path) -> Bundle:
    """A binary bundle without weights, for runtimes that need none."""
    made = manifest(
        sequences=(Sequence.FLAIR,),
        outputs=BINARY,
        scheme="binary",
        context=0,
        size=(24, 20),
        normalise="unit",
    )
    return Bundle(tmp_path, made)
