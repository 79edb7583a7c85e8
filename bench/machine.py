"""Where and with what a figure was measured: without it a figure says nothing."""

import os
import platform
import sqlite3
import subprocess
from importlib.metadata import version
from pathlib import Path

import pycurl

ROOT = Path(__file__).parent.parent


def machine() -> dict[str, object]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "model": _field("/proc/cpuinfo", "model name"),
        "memory_mb": int(_field("/proc/meminfo", "MemTotal").split()[0]) // 1024,
        "kernel": platform.release(),
    }


def versions() -> dict[str, str]:
    return {
        "ringback": version("ringback"),
        "commit": _commit(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "libcurl": pycurl.version_info()[1],
    }


def _field(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "0"


def _commit() -> str:
    """With ``-dirty`` where files were changed since; empty outside of a checkout."""
    command = ["git", "--no-optional-locks", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
