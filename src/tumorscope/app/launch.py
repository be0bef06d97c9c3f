"""Starting the app's server: on this machine only, nothing fetched, nothing reported."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tumorscope.app.settings import Settings
from tumorscope.core.errors import UsageError

ADDRESS = "127.0.0.1"
#: Dark, as in a reading room; colours that keep their contrast.
_THEME = {
    "base": "dark",
    "primaryColor": "#1a74b8",
    "backgroundColor": "#0e1318",
    "secondaryBackgroundColor": "#1a222b",
    "textColor": "#e8edf2",
    "linkColor": "#7cc4f8",
    "borderColor": "#33404d",
    "baseRadius": "small",
}


def command(settings: Settings, port: int, upload_mb: int, browser: bool) -> list[str]:
    """Return the command that starts the server.

    Args:
        settings: What the pages need.
        port: TCP port on 127.0.0.1.
        upload_mb: Largest file that may be handed in.
        browser: Open a browser.
    """
    options = {
        "server.address": ADDRESS,
        "server.port": port,
        "server.headless": not browser,
        "server.maxUploadSize": upload_mb,
        "server.maxMessageSize": 400,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "browser.gatherUsageStats": False,
        "browser.serverAddress": ADDRESS,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "runner.magicEnabled": False,
        "runner.fastReruns": False,  # else two runs of one session overlap, and the second sees a case half opened
        "runner.postScriptGC": False,  # collecting garbage after each script run halts the work beside it for seconds
        **{f"theme.{key}": value for key, value in _THEME.items()},
    }
    words = [f"--{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in options.items()]
    script = Path(__file__).parent / "main.py"
    return [sys.executable, "-m", "streamlit", "run", str(script), *words, "--", *settings.words()]


def launch(settings: Settings, *, port: int = 8501, upload_mb: int = 2000, browser: bool = True) -> int:
    """Run the server until it is stopped by Ctrl-C and return its exit code.

    Raises:
        UsageError: if a folder does not exist or the port is taken.
    """
    for name, folder in (("--data", settings.data), ("--runs", settings.runs)):
        if folder is not None and not folder.is_dir():
            raise UsageError(expected=f"a folder after {name}", found=f"{folder}", fix="Name an existing folder")
    _check_port(port)
    process = subprocess.Popen(command(settings, port, upload_mb, browser))
    if threading.current_thread() is threading.main_thread():  # only there may signals be handled
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        code = process.wait()
    except KeyboardInterrupt:
        process.wait(10)
        return 0
    return code if code >= 0 else 128 - code


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except (OSError, OverflowError) as error:
            raise UsageError(
                expected="a free port from 1024 to 65535", found=f"{port}", fix="Name another one with --port"
            ) from error
