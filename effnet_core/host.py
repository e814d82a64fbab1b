"""This machine: its processor, and the cores and memory that this process may use."""

from __future__ import annotations

import math
import os
import platform
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from effnet_core.errors import EffnetError

_CPU_INFO = Path("/proc/cpuinfo")
_CORES = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_MEMORY = Path("/sys/fs/cgroup")
_CUDA_DRIVERS = (Path("/dev/nvidiactl"), Path("/proc/driver/nvidia/version"), Path("/dev/dxg"))
_UNLIMITED = 2**62
_LOW = 10
_PARENT_S = 0.25


def processor() -> str:
    """The processor's name as it calls itself."""
    name = _cpu_info(_CPU_INFO).get("model name")
    return name or platform.processor() or platform.machine() or "unknown"


def processor_model() -> str:
    """The processor's name with its family and model, which shared machines do not hide."""
    found = _cpu_info(_CPU_INFO)
    family, model = found.get("cpu family"), found.get("model")
    return processor() + (f" (family {family}, model {model})" if family and model else "")


def instructions() -> str:
    """The processor's instruction sets as the kernel lists them, or its name."""
    found = _cpu_info(_CPU_INFO)
    return found.get("flags") or found.get("Features") or platform.processor()


def available_cores() -> int:
    """Physical cores that this process may use: affinity, the control group's quota, siblings.

    Two hardware threads of one core count once, because convolutions fill a core alone.
    """
    found = cores()
    return max(1, min(len(found), _quota())) if found else max(1, os.cpu_count() or 1)


def cores() -> tuple[int, ...]:
    """The first hardware thread of each physical core that may be used; () where none can tell."""
    if not hasattr(os, "sched_getaffinity"):
        return ()
    first: dict[str, int] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        first.setdefault(_siblings(cpu), cpu)
    return tuple(first.values())


def available_memory() -> int:
    """Bytes that the system calls available, or those left under the control group's limit."""
    import psutil  # here: the first page asks for no memory

    return min(int(psutil.virtual_memory().available), _control_group_room())


def cores_of_others() -> Callable[[], float]:
    """Begin to watch; what is returned says how many cores other programs have taken since then.

    Time that a hypervisor gave to other machines is theirs as well.
    """
    import psutil  # here: the first page asks for no load

    kinds = ("user", "nice", "system", "irq", "softirq", "steal")

    def read() -> tuple[float, float]:
        every, own = psutil.cpu_times(), psutil.Process().cpu_times()
        busy = sum(getattr(every, kind, 0.0) for kind in kinds)
        return time.monotonic(), busy - own.user - own.system

    began, before = read()

    def others() -> float:
        now, after = read()
        return max(0.0, (after - before) / max(now - began, 1e-3))

    return others


def give_back_memory() -> None:
    """Hand memory that was freed, and that the C library keeps for later, back to the system.

    After a network was read it is as much as the network's weights. Only glibc can be asked to.
    """
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def lower_priority() -> None:
    """Let whatever else runs go before this thread, and the threads that it will start.

    On other systems than Linux that is the whole process, so there it stays as it is.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW)


def end_with_parent() -> None:
    """Let this process end soon after the one that started it, however that ended."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_S)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def require_free(address: str, port: int, instead: str) -> None:
    """Raise EffnetError where this process cannot listen there, with what to do instead."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise EffnetError(
                f"Port {port} on {address} cannot be used ({error.strerror}): {instead}."
            ) from error


def may_have_cuda() -> bool:
    """Whether the system shows a driver of NVIDIA's; without one no library need be asked."""
    return any(path.exists() for path in _CUDA_DRIVERS)


@cache
def _cpu_info(path: Path) -> dict[str, str]:
    """What the kernel says of the first processor."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace").partition("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _siblings(cpu: int) -> str:
    """The hardware threads of the core of `cpu`, as the kernel lists them."""
    try:
        path = _CORES / f"cpu{cpu}" / "topology" / "thread_siblings_list"
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return str(cpu)


def _quota() -> int:
    """Whole cores that the control group grants."""
    try:
        limit, period = _QUOTA.read_text(encoding="ascii").split()
        return _UNLIMITED if limit == "max" else math.ceil(int(limit) / int(period))
    except (OSError, ValueError):
        return _UNLIMITED


def _control_group_room() -> int:
    """Bytes that are left under the container's memory limit."""
    try:
        limit = (_MEMORY / "memory.max").read_text(encoding="ascii").strip()
        used = int((_MEMORY / "memory.current").read_text(encoding="ascii"))
    except OSError:
        return _UNLIMITED
    return _UNLIMITED if limit == "max" else max(0, int(limit) - used)
