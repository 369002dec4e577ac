"""Presses are done in the main thread, whichever thread their messages come in."""

import signal
import threading
from types import SimpleNamespace
from typing import Any

import ipywidgets
import pytest

from colabsd.widgets import presses


def in_a_thread(do: Any) -> None:
    thread = threading.Thread(target=do)
    thread.start()
    thread.join()


def test_in_the_main_thread_a_press_is_done_at_once() -> None:
    done: list[int] = []
    button = ipywidgets.Button()
    presses.on_press(button, lambda: done.append(1))
    button.click()
    text = ipywidgets.Text()
    presses.on_change(text, lambda: done.append(2))
    text.value = "a"
    assert done == [1, 2]


def test_in_another_thread_it_is_left_to_the_kernels_main_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting: list[Any] = []
    loop = SimpleNamespace(add_callback=lambda do, *facts: waiting.append((do, facts)))
    monkeypatch.setattr(presses, "main_loop", lambda: loop)
    done: list[threading.Thread] = []
    button = ipywidgets.Button()
    presses.on_press(button, lambda: done.append(threading.current_thread()))
    in_a_thread(button.click)
    assert done == []
    for do, facts in waiting:
        do(*facts)
    assert done == [threading.main_thread()]


def test_without_a_kernel_it_is_done_where_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    monkeypatch.setattr(presses, "main_loop", lambda: None)
    in_a_thread(lambda: presses.in_main_thread(lambda: done.append(1)))
    assert done == [1]


def test_the_stop_button_is_heard_while_something_is_done_and_not_after() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with presses.stop_button_heard():
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("not reached")
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
