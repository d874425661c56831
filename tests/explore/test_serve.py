"""The command: where it listens, and what it says where it cannot."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from didlab.cli import main
from didlab.explore import look
from didlab.explore.data import EXAMPLE


def test_a_port_that_is_taken_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["explore", "--no-browser", "--port", str(taken.getsockname()[1])]) == 2
    assert "a port that nothing listens on" in capsys.readouterr().err


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--no-browser", "polices"]) == 2
    assert "one of policies, claims" in capsys.readouterr().err


def test_a_table_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--no-browser", "--data", "nowhere.parquet"]) == 2
    assert "give a table that `didlab score` wrote" in capsys.readouterr().err


def test_two_tables_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--no-browser", str(EXAMPLE), "--data", str(EXAMPLE)]) == 2
    assert "`--data` must be left out with a file that has a table in it" in capsys.readouterr().err


def test_the_head_has_no_address_of_another_host() -> None:
    assert "//" not in look.head().replace("/*", "").replace("*/", "")


@pytest.mark.slow
def test_it_listens_on_this_machine_only_and_an_interrupt_ends_it() -> None:
    command = [sys.executable, "-m", "didlab", "explore", "--no-browser", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        address = process.stdout.readline().split()[-1]
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=30) as answer:  # the root leads to the first part
            assert answer.url == f"{address}policies/"
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stderr.read() == "didlab: interrupted; the app is closed\n"
