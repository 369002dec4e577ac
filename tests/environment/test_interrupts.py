"""A stop waits where it would do harm, and is not forgotten."""

import signal
import threading

import pytest

from colabsd.environment.interrupts import stop_waits


def test_a_stop_waits_until_the_block_is_done() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), stop_waits():
        signal.raise_signal(signal.SIGINT)
        done.append(True)
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_a_stop_nothing_happens_and_errors_pass_through() -> None:
    with stop_waits():
        pass
    with pytest.raises(ZeroDivisionError), stop_waits():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_other_threads_are_left_alone() -> None:
    done = []

    def work() -> None:
        with stop_waits():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done
