"""Who owns restartable sequences (rseq): rseqctl's answers as Python objects.

    import rseqctl

    for process in rseqctl.ps("mongod"):
        print(process["pid"], process["owner"], process["registered"])

Each function starts the rseqctl that was installed with this module once, and returns
dictionaries of the shapes that its JSON schemas have. Lists of them go into Arrow with
`arrow` (which needs pyarrow).
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from typing import TYPE_CHECKING, Any, Iterable, List, Union

from ._shapes import AuditedObject, Finding, Host, Process, Thread, Verdict

if TYPE_CHECKING:
    import pyarrow

__all__ = [
    "AuditedObject",
    "Error",
    "Finding",
    "Host",
    "Process",
    "Thread",
    "Verdict",
    "arrow",
    "audit",
    "command",
    "doctor",
    "ps",
]

_Path = Union[str, "os.PathLike[str]"]

# rseqctl's own exit statuses: nothing found, something found, not everything was read
_ANSWERED = (0, 1, 3)


class Error(Exception):
    """rseqctl could not do what was asked; the text is what it said."""


def command() -> str:
    """Returns the path of the rseqctl that was installed with this module.

    Raises FileNotFoundError where there is none.
    """
    places = [sysconfig.get_path("scripts")]
    user = sysconfig.get_preferred_scheme("user")
    places.append(sysconfig.get_path("scripts", scheme=user))
    # pip install --target
    here = os.path.dirname(os.path.abspath(__file__))
    places.append(os.path.join(os.path.dirname(here), "bin"))
    for place in places:
        found = shutil.which("rseqctl", path=place)
        if found:
            return found
    raise FileNotFoundError("rseqctl is in none of: " + ", ".join(places))


def audit(
    *paths: _Path,
    all_objects: bool = False,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
) -> List[AuditedObject]:
    """Returns what the audit says about the objects in files, folders and packages.

    Objects that have nothing to do with rseq are among them where all_objects is set.
    What could not be read is not among them: rseqctl says so on standard error.
    """
    arguments = ["--all"] if all_objects else []
    arguments += [f"--include={pattern}" for pattern in include]
    arguments += [f"--exclude={pattern}" for pattern in exclude]
    words = [os.fspath(path) for path in paths]
    return _lines("audit", *arguments, "--", *words)


def ps(*processes: Union[int, str]) -> List[Process]:
    """Returns who owns rseq in processes: by number or name; without one in all of them.

    Each thread is stopped for some microseconds, one at a time.
    """
    words = [str(process) for process in processes] or ["--all"]
    return _lines("ps", *words)


def doctor() -> Host:
    """Returns what this host does with rseq, found out by trying."""
    text = _run("doctor", "--format=json")
    host: Host = json.loads(text)
    return host


def arrow(rows: List[Any]) -> "pyarrow.Table":
    """Returns what `audit` or `ps` has returned as an Arrow table, a column for each name."""
    import pyarrow

    return pyarrow.Table.from_pylist(rows)


def _lines(*arguments: str) -> List[Any]:
    text = _run(arguments[0], "--format=ndjson", *arguments[1:])
    return [json.loads(line) for line in text.splitlines()]


def _run(*arguments: str) -> str:
    name, *rest = arguments
    done = subprocess.run(
        [command(), name, "--fail-on=never", *rest],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="surrogateescape",
        check=False,
    )
    if done.returncode not in _ANSWERED:
        raise Error(done.stderr.strip() or f"rseqctl {name}: status {done.returncode}")
    if done.returncode == 3:
        sys.stderr.write(done.stderr)
    return done.stdout
