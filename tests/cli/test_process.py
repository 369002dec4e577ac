"""The command as a process of its own: exit codes, pipes, signals, and what `--help` loads."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "colabsd"]
HEAVY = ("torch", "numpy", "PIL", "diffusers", "transformers", "huggingface_hub", "scipy", "sqlite3")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """English, a home of its own, one thread, nothing from outside."""
    kept = {name: os.environ[name] for name in ("PATH", "VIRTUAL_ENV", "SYSTEMROOT") if name in os.environ}
    return {
        **kept,
        "HOME": str(tmp_path / "home"),
        "COLABSD_HOME": str(tmp_path / "workspace"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "LANG": "en_GB.UTF-8",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
    }


def run(environ: dict[str, str], *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=environ, capture_output=True, text=True, encoding="utf-8", timeout=120, **options
    )


@pytest.mark.parametrize("arguments", [["--help"], ["generate", "--help"], ["library", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(environ, arguments):
    script = (
        "import sys; from colabsd.cli import main; code = main(sys.argv[1:]);"
        f"print('LOADED', [name for name in {HEAVY} if name in sys.modules], code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "LOADED [] 0"


def test_a_wrong_command_line_is_exit_code_2(environ):
    done = run(environ, "generate", "x", "--steps", "abc")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: --steps must be a whole number, such as 20, and “abc” is not.\n"


def test_words_that_the_encoding_lacks_are_escaped_and_no_error(environ):
    done = run({**environ, "PYTHONIOENCODING": "ascii"}, "generate", "x", "--noise", "りんご")
    assert done.returncode == 2
    assert "\\u308a" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="POSIX pipes")
def test_a_broken_pipe_is_silent(environ):
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen([*COMMAND, "--help"], env=environ, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    _, error = process.communicate(timeout=60)
    assert error == ""
    assert process.returncode == 1


def test_an_empty_library_is_told_and_no_error(environ):
    done = run(environ, "library", "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no pictures yet" in done.stderr


def wait_until_it_catches_signals(process: subprocess.Popen[str]) -> None:
    """Until the command has set its answer to SIGTERM, as the kernel tells it."""
    status = Path(f"/proc/{process.pid}/status")
    for _ in range(600):
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.05)
    raise AssertionError("the command never set its signals")


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel through /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_stdin_is_read_is_exit_code_130(environ, number):
    process = subprocess.Popen(
        [*COMMAND, "generate", "-"],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until_it_catches_signals(process)
    time.sleep(0.3)  # from there to the read are a few milliseconds
    process.send_signal(number)
    output, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (output, error) == ("", "Stopped.\n")


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell closes the streams")
@pytest.mark.parametrize(("closed", "code"), [("--version >&-", 0), ("generate x --steps abc 2>&-", 2)])
def test_a_closed_stream_is_no_error(environ, closed, code):
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m colabsd {closed}"], env=environ, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


@pytest.mark.integration
def test_the_doctor_tells_of_a_token_and_never_shows_it(environ):
    for options in (["--lang", "en"], ["--lang", "es", "--json"]):
        done = run({**environ, "HF_TOKEN": "hf_secret\x1b[31m{version}"}, "doctor", *options)
        assert done.returncode in (0, 1)
        assert "HF_TOKEN" in done.stdout
        assert "secret" not in done.stdout + done.stderr
        assert len(done.stdout.splitlines()) >= 10
