"""Work beside the page: progress, stopping, faults; and the private folder of a session."""

import ast
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from tumorscope.app.jobs import Job
from tumorscope.app.launch import ADDRESS, command, launch
from tumorscope.app.session import Session
from tumorscope.app.settings import Settings, settings
from tumorscope.core.errors import InputError, UsageError


def test_a_job_tells_how_far_it_is_and_gives_its_result():
    half, go = threading.Event(), threading.Event()

    def work(watch):
        watch("counting", 0.5)
        half.set()
        go.wait(30)
        return 42

    job = Job(work)
    assert half.wait(30) and (job.step, job.share) == ("counting", 0.5) and job.running
    assert job.seconds_left is not None and job.seconds_left >= 0
    go.set()
    job.join(30)
    assert (job.result, job.error, job.running) == (42, None, False)


def test_a_job_ends_at_its_next_step_when_stopped():
    begun, stopped = threading.Event(), threading.Event()

    def work(watch):
        begun.set()
        stopped.wait(30)
        watch("never reached", 1.0)
        return "result"

    job = Job(work)
    begun.wait(30)
    job.stop()
    stopped.set()
    job.join(30)
    assert (job.result, job.error, job.step) == (None, None, "starting")


@pytest.mark.parametrize("error", [InputError(expected="a", found="b", fix="c"), ZeroDivisionError("oops")])
def test_a_job_keeps_why_it_failed(error):
    def work(watch):
        raise error

    job = Job(work)
    job.join(30)
    assert job.error is error and job.result is None


def test_a_session_has_a_private_folder_that_vanishes():
    mine = Session()
    folder = mine.new_folder("upload")
    assert folder.parent == mine.folder and mine.folder.stat().st_mode & 0o077 == 0
    mine.left(60)
    mine.back()
    assert mine.folder.is_dir()
    mine.close()
    assert not mine.folder.exists()


def test_closing_a_session_stops_its_work_first():
    begun = threading.Event()
    mine = Session()

    def work(watch):
        begun.set()
        while True:
            watch("writing", 0.1)
            (mine.folder / "file").write_text("x")

    mine.jobs["segment"] = Job(work)
    begun.wait(30)
    mine.close()
    assert not mine.folder.exists() and mine.jobs == {}


def test_a_case_whose_reading_streamlit_broke_off_is_read_again(monkeypatch):
    from streamlit.runtime.scriptrunner import StopException
    from streamlit.testing.v1 import AppTest

    from tumorscope.app.components import choose_case

    def page():
        from tumorscope.app.components.choose_case import choose_case
        from tumorscope.app.session import session

        choose_case(session())

    def broken_off(found, spacing=None):
        raise StopException

    app = AppTest.from_function(page, default_timeout=60)
    with monkeypatch.context() as patch:
        patch.setattr(choose_case, "view_case", broken_off)
        app.run()
    assert app.session_state["session"].view is None
    app.run()
    assert app.session_state["session"].view is not None
    app.session_state["session"].close()


def test_errors_name_what_the_app_has_and_not_options():
    from streamlit.testing.v1 import AppTest

    def page():
        from tumorscope.app.components.trouble import show_error
        from tumorscope.core.errors import InputError

        show_error(InputError(expected="a", found="b", fix="State it with --sequence T1 or FLAIR", option="--sequence"))
        spacing = "--spacing X,Y,Z"
        show_error(InputError(expected="a", found="b", fix=f"State the voxel size with {spacing}", option=spacing))

    texts = [error.value for error in AppTest.from_function(page).run().error]
    assert len(texts) == 2 and "They show" in texts[0] and "Open your own scans" in texts[1]
    assert not any("--" in text for text in texts)


def test_every_option_that_errors_name_has_words_in_the_app_and_stands_in_what_to_do():
    import tumorscope
    from tumorscope.app.components.trouble import _OPTIONS

    named: set[str] = set()
    for file in Path(tumorscope.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            parts = {k.arg: k.value for k in call.keywords} if isinstance(call, ast.Call) else {}
            if "option" in parts and "fix" in parts:
                texts = [n.value for n in ast.walk(parts["option"]) if isinstance(n, ast.Constant) and n.value]
                fixes = [str(n.value) for n in ast.walk(parts["fix"]) if isinstance(n, ast.Constant)]
                assert all(any(text in fix for fix in fixes) for text in texts), (file, call.lineno)
                named |= set(texts)
    assert named == {*_OPTIONS, "--data"}


def test_files_handed_in_together_are_called_by_what_their_names_share():
    from tumorscope.app.components.upload import _name

    assert _name(["Case_01_t1ce.nii.gz", "Case_01_flair.nii.gz"]) == "Case_01"
    assert _name(["a.png", "b.png"]) == "scans"
    assert _name(["../../x y_1.png", "../../x y_2.png"]) == "x_y"


def test_cases_refused_beside_good_ones_are_told(tmp_path, monkeypatch):
    from tumorscope.app.components import upload
    from tumorscope.core.case import Case
    from tumorscope.workflows.found import Found

    error = InputError(expected="a scan", found="an empty file", fix="Send it again")
    good, bad = Found("good", tmp_path, Case("good", "p1", {})), Found("bad", tmp_path, error=error)
    monkeypatch.setattr(upload, "offered_cases", lambda mine: {one.id: one for one in mine.uploads})
    for found, kept, shown in (([good, bad], [error], None), ([bad], [], error)):
        mine = Session()
        monkeypatch.setattr(upload, "find_inputs", lambda *a, found=found, **k: found)
        upload._take(mine, tmp_path, None, None)
        assert mine.kept[upload._REFUSED] == kept and mine.error is shown
        mine.close()


def test_the_server_listens_to_this_machine_only_and_reports_nothing():
    words = command(Settings(), 8123, 50, browser=False)
    assert f"--server.address={ADDRESS}" in words and ADDRESS == "127.0.0.1"
    assert {"--server.port=8123", "--server.maxUploadSize=50", "--browser.gatherUsageStats=false"} <= set(words)
    assert "--runner.fastReruns=false" in words  # two runs of one session must not overlap


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to forward")
def test_who_ends_the_program_ends_the_server(monkeypatch):
    monkeypatch.setattr("tumorscope.app.launch.command", lambda *_: ["sleep", "60"])
    before = signal.getsignal(signal.SIGTERM)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    try:
        assert launch(Settings(), port=8599) == 128 + signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, before)


def test_settings_survive_the_command_line(tmp_path):
    wanted = Settings(tmp_path / "a b", tmp_path, 7.0)
    assert settings(wanted.words()) == wanted
    assert settings(Settings().words()) == Settings()


def test_a_missing_folder_and_a_taken_port_are_told(tmp_path):
    import socket

    with pytest.raises(UsageError, match="--data"):
        launch(Settings(data=tmp_path / "none"), port=8123)
    with socket.socket() as taken:
        taken.bind((ADDRESS, 0))
        taken.listen()
        with pytest.raises(UsageError, match="free port"):
            launch(Settings(), port=taken.getsockname()[1])
