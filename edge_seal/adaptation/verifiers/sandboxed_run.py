"""Runs code and its tests in a process that has given up nearly everything: a program of its own, not to be imported.

From stdin: JSON `{"code", "tests", "token", "result", "cpu_s", "memory_bytes"}`. Before any of the code runs the
process limits itself (processor seconds, memory, no file can grow) and asks the kernel to allow only the calls below:
no network, no new process or thread, no file opened but for reading, nothing renamed, deleted or signalled. What is not
on the list fails with EPERM. The token is written to the file descriptor `result` when every test has passed, and the
name of the error when one has not.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import resource
import struct
import sys

UNAVAILABLE = 77
FAILED = 1

_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_KILL, _ERRNO, _ALLOW = 0x8000_0000, 0x0005_0000, 0x7FFF_0000
_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# read write close fstat lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn pread64 mremap madvise
# getpid exit exit_group fcntl getcwd getdents64 clock_gettime clock_nanosleep nanosleep newfstatat readlinkat faccessat
# statx getrandom futex sched_yield sigaltstack gettid rseq poll getuid geteuid getgid getegid, and on x86-64 the older
# forms stat, lstat, access, readlink.
_CALLS = {
    "x86_64": (
        0xC000_003E, 257,
        (0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 17, 25, 28, 39, 60, 231, 72, 79, 217, 228, 230, 35, 262, 267, 269,
         332, 318, 202, 24, 131, 186, 334, 7, 102, 107, 104, 108, 4, 6, 21, 89),
    ),
    "aarch64": (
        0xC000_00B7, 56,
        (63, 64, 57, 80, 62, 222, 226, 215, 214, 134, 135, 139, 67, 216, 233, 172, 93, 94, 25, 17, 61, 113, 115, 101,
         79, 78, 48, 291, 278, 98, 124, 132, 178, 293, 73, 174, 175, 176, 177),
    ),
}  # fmt: skip


def _program(architecture: int, open_at: int, allowed: tuple[int, ...]) -> bytes:
    """The filter as the kernel reads it: instructions of (code, jump if true, jump if false, value)."""
    denied = _ERRNO | errno.EPERM
    lines = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        # The numbers of another calling convention of the same machine.
        (_AT_LEAST, 0, 1, 0x4000_0000),
        (_RETURN, 0, 0, _KILL),
        # openat(directory, path, flags): for reading only.
        (_EQUAL, 0, 4, open_at),
        (_LOAD, 0, 0, 32),
        (_AND, 0, 0, _WRITING),
        (_EQUAL, 0, 2 * len(allowed) + 1, 0),
        (_RETURN, 0, 0, _ALLOW),
    ]
    for call in allowed:
        lines += [(_EQUAL, 0, 1, call), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("HBBI", *line) for line in (*lines, (_RETURN, 0, 0, denied)))


def give_up_everything() -> bool:
    """Lets the kernel allow only the listed calls from here on; false where it cannot."""
    known = _CALLS.get(platform.machine())
    if sys.platform != "linux" or known is None:
        return False
    program = _program(*known)
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    told = Program(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    return (
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
        and libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(told), 0, 0) == 0
    )


def main() -> int:
    """Runs what stdin holds; the exit code says only whether it came to an end."""
    told = json.loads(sys.stdin.buffer.read())
    result = int(told["result"])
    for limit, value in (
        (resource.RLIMIT_CPU, int(told["cpu_s"])),
        (resource.RLIMIT_AS, int(told["memory_bytes"])),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(limit, (value, value))
    if not give_up_everything():
        return UNAVAILABLE
    names: dict[str, object] = {"__name__": "answer", "__builtins__": __builtins__}
    try:
        exec(compile(told["code"], "answer", "exec"), names)  # noqa: S102  # that is what all of this is for
        exec(compile(told["tests"], "tests", "exec"), names)  # noqa: S102
    except BaseException as error:  # noqa: BLE001  # whatever it was, the tests did not pass
        os.write(result, type(error).__name__.encode()[:80])
        return FAILED
    os.write(result, str(told["token"]).encode())
    return 0


if __name__ == "__main__":
    # Not sys.exit: what the code left behind (atexit, finalizers) is not run.
    os._exit(main())
