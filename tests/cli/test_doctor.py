import hashlib
import json

import pytest

from tumorscope.cli.main import main
from tumorscope.workflows import doctor as room
from tumorscope.workflows.doctor import Check, doctor, render


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A shipped bundle ``b`` whose weights are what its manifest says."""
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    (folder / "bundle.json").write_text(json.dumps({"weights_sha256": {"weights.safetensors": digest}}))
    monkeypatch.setattr(room, "SHIPPED", tmp_path)
    return folder


def _line(name):
    return next(line for line in doctor() if line.name == name)


def test_lines_are_complete(bundle):
    lines = doctor()
    assert {"Python", "packages", "PyTorch", "OpenVINO", "memory", "cache folder", "bundle b"} <= {
        x.name for x in lines
    }
    assert all(line.fix for line in lines if line.status != "ok")
    assert not any(line.fix for line in lines if line.status == "ok")
    assert all(line.name in render(lines) and line.found in render(lines) for line in lines)


def test_whole_bundles_are_ok(bundle):
    assert _line("bundle b").status == "ok"


@pytest.mark.parametrize("harm", ["altered", "missing", "manifest"])
def test_harmed_bundles_fail(bundle, harm):
    if harm == "altered":
        (bundle / "weights.safetensors").write_bytes(b"other")
    elif harm == "missing":
        (bundle / "weights.safetensors").unlink()
    else:
        (bundle / "bundle.json").write_text("[]")
    assert _line("bundle b").status == "fail"


def test_a_bundle_without_hashes_is_a_warning(bundle):
    (bundle / "bundle.json").write_text('{"weights_sha256": {}}')
    assert _line("bundle b").status == "warn"


def test_no_bundles_fail(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "SHIPPED", tmp_path)
    assert _line("shipped bundles").status == "fail"


def test_a_cache_folder_that_cannot_be_fails(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TUMORSCOPE_CACHE", str(tmp_path / "file" / "cache"))
    assert _line("cache folder").status == "fail"
    monkeypatch.setenv("TUMORSCOPE_CACHE", str(tmp_path / "new" / "cache"))
    line = _line("cache folder")
    assert (line.status, line.found) == ("ok", str(tmp_path / "new" / "cache"))
    assert not (tmp_path / "new").exists()


def test_missing_and_old_packages_fail(monkeypatch):
    monkeypatch.setattr(
        room.metadata, "requires", lambda name: ["numpy<1", "no-such-package>=2", 'absent; extra == "dev"']
    )
    line = _line("packages")
    assert line.status == "fail"
    assert "no-such-package>=2" in line.found
    assert "numpy" in line.found
    assert "absent" not in line.found


def test_a_check_that_breaks_is_a_failed_line(monkeypatch):
    def _broken():
        raise RuntimeError("no such thing")

    monkeypatch.setattr(room, "CHECKS", [_broken])
    assert doctor() == [
        Check("broken", "fail", "RuntimeError: no such thing", "Reinstall tumorscope in a fresh environment")
    ]


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("warn", 0), ("fail", 1)])
def test_exit_codes(monkeypatch, capsys, status, code):
    monkeypatch.setattr(
        room, "CHECKS", [lambda: [Check("thing", status, "found", "" if status == "ok" else "Do this")]]
    )
    assert main(["doctor", "--json"]) == code
    seen = capsys.readouterr()
    assert json.loads(seen.out)["checks"][0]["status"] == status
    assert "thing" in seen.err
