"""Compiling a tree of modules so that the target never has to: the same bytes each time, and no times inside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from deploy.bundle.checkout import BundleError

MINOR = (3, 11)


def require_minor(version: tuple[int, int] = sys.version_info[:2]) -> None:
    """Raises BundleError unless the building Python is of the minor version that the bundle carries."""
    if version != MINOR:
        raise BundleError(
            f"the bundle carries Python 3.11 and must be compiled by it; this is Python {version[0]}.{version[1]}. "
            "Install Debian 12's python3 and python3-venv, remove .venv and begin anew"
        )


def compile_tree(folder: Path, *roots: str) -> None:
    """Writes the compiled form beside every module below the roots, with paths relative to `folder` inside.

    A process of its own with a fixed hash seed, since what marshal writes depends on what the interpreter did before.
    """
    require_minor()
    command = [sys.executable, "-S", "-s", "-m", "compileall", "-q", "-f", "-j", "1", "-s", str(folder)]
    command += ["--invalidation-mode", "unchecked-hash", *(str(folder / root) for root in roots)]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900, env=environment)
    if done.returncode:
        raise BundleError(f"these modules do not compile:\n{done.stdout}{done.stderr}")
