"""The allocator keeps big blocks when it is told to, and only when nobody chose otherwise."""

import os
import platform
import subprocess
import sys

import pytest

from colabsd.environment.allocator import keep_big_blocks, preloaded_allocator, variables_are_set

REPEATS, MEGABYTES = 10, 64
SCRIPT = f"""
import ctypes, resource, sys
from colabsd.environment.allocator import keep_big_blocks
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
if sys.argv[1] == "keep":
    assert keep_big_blocks({{}})
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range({REPEATS}):
    block = libc.malloc({MEGABYTES} << 20)
    ctypes.memset(block, 1, {MEGABYTES} << 20)
    libc.free(block)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
TOLD = {"MALLOC_MMAP_THRESHOLD_": "1", "MALLOC_TRIM_THRESHOLD_": "1"}


def page_faults(how: str) -> int:
    environ = {name: value for name, value in os.environ.items() if name not in TOLD and name != "LD_PRELOAD"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, how], env=environ, capture_output=True, text=True, check=True, timeout=60
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's allocator")
def test_big_blocks_are_cleared_once_and_not_every_time():
    # Ten blocks of 64 MB fault in ten times as many pages when each is given back; huge pages may blur it.
    assert page_faults("keep") * 5 < page_faults("leave")


def test_what_was_chosen_from_outside_is_left_alone():
    assert not keep_big_blocks(TOLD)
    assert not keep_big_blocks({"LD_PRELOAD": "/usr/lib/libtcmalloc_minimal.so.4"})


def test_both_variables_are_needed():
    assert variables_are_set(TOLD)
    assert not variables_are_set({"MALLOC_MMAP_THRESHOLD_": "1"})


def test_another_allocator_is_recognised():
    assert preloaded_allocator({"LD_PRELOAD": "/opt/libjemalloc.so.2"}) == "jemalloc"
    assert preloaded_allocator({}) is None
