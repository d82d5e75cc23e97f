"""The shapes of what rseqctl answers, as its JSON schemas have them."""

from typing import List, Optional, TypedDict


class _FindingMore(TypedDict, total=False):
    """What may be absent."""

    known: bool


class Finding(_FindingMore):
    """What a rule says."""

    level: str
    message: str
    path: Optional[str]
    rule: str


class MissingObject(TypedDict):
    """A needed library that was not found."""

    name: str
    needed_by: str


class WhatRunWouldDo(TypedDict):
    """What `rseqctl run` would do."""

    because: str
    means: str
    owner: str
    preloads: bool
    switches_libc_off: bool
    warnings: List[str]


class AuditedProgram(TypedDict):
    """What is said about a program besides what is said about its files."""

    hidden: List[str]
    missing: List[MissingObject]
    objects: List[str]
    run: Optional[WhatRunWouldDo]
    winner: Optional[str]


class Section(TypedDict):
    """A section of the object."""

    name: str
    size: int


class Symbol(TypedDict):
    """What an object does with one symbol."""

    binding: str
    name: str
    role: str
    size: int
    table: str
    visibility: str


# one of its names is a word of the language
_AuditedObject = TypedDict(
    "_AuditedObject",
    {
        "build_id": Optional[str],
        "class": str,
        "critical_sections": int,
        "critical_sections_evidence": Optional[str],
        "damage": List[str],
        "findings": List[Finding],
        "machine": str,
        "other_tls_models": List[str],
        "path": str,
        "sections": List[Section],
        "symbols": List[Symbol],
        "tls_model": Optional[str],
        "tls_model_evidence": Optional[str],
        "type": str,
    },
)


class AuditedObject(_AuditedObject, total=False):
    """What the audit says about one ELF object."""

    path_bytes: str
    program: AuditedProgram


class LoadedObject(TypedDict):
    """An object that has to do with rseq."""

    build_id: Optional[str]
    critical_sections: int
    defines: Optional[str]
    deleted: bool
    path: str
    provides: List[str]
    tls_model: Optional[str]
    unloadable: bool
    unloadable_because: str
    uses: List[str]


class _ThreadMore(TypedDict, total=False):
    """What may be absent."""

    unknown_because: str
    stopped_us: float


class Thread(_ThreadMore):
    """One thread."""

    address: Optional[str]
    area: Optional[str]
    area_evidence: Optional[str]
    cpu_id: Optional[int]
    length: Optional[int]
    mode: Optional[str]
    mode_evidence: Optional[str]
    name: str
    object: Optional[str]
    registered: Optional[bool]
    signature: Optional[str]
    state: str
    tid: int


class Process(TypedDict):
    """What is said about one process."""

    because: str
    build_id: Optional[str]
    command: List[str]
    control_group: Optional[str]
    exe: Optional[str]
    findings: List[Finding]
    inner_pids: List[int]
    missing: List[str]
    name: str
    not_permitted: bool
    objects: List[LoadedObject]
    other_namespaces: Optional[List[str]]
    owner: Optional[str]
    pid: int
    registered: int
    threads: List[Thread]
    uid: int
    unit: Optional[str]
    unknown: int
    unregistered: int


class Auxv(TypedDict):
    """The auxiliary vector of this process."""

    rseq_align: Optional[int]
    rseq_feature_size: Optional[int]
    secure: bool


class Kernel(TypedDict):
    """The kernel."""

    architecture: str
    release: str


class Libc(TypedDict):
    """The libc that rseqctl runs on."""

    glibc: Optional[str]
    knows_rseq: bool
    optional_static_tls: Optional[int]
    owns_symbol: bool
    registered_by: Optional[str]
    rseq_offset: Optional[int]
    rseq_size: Optional[int]
    rseq_tunable: str
    static_tls_surplus: Optional[int]
    tunables: Optional[str]


class Preloaded(TypedDict):
    """One library in /etc/ld.so.preload."""

    found: Optional[bool]
    library: str
    shim: bool


class RunningProgram(TypedDict):
    """A program that runs."""

    name: str
    pid: int
    unit: Optional[str]


class Running(TypedDict):
    """What was found of the programs that run."""

    inspected: int
    not_permitted: int
    refused: List[RunningProgram]


class Seccomp(TypedDict):
    """Seccomp."""

    filters: Optional[int]
    mode: Optional[str]


class Aborts(TypedDict):
    """A critical section that was interrupted by one of these."""

    membarrier: str
    migration: str
    preemption: str
    signal: str


class Answers(TypedDict):
    """The kernel's answers, 0 or an errno; null where there was none."""

    again: Optional[int]
    other_area: Optional[int]
    other_length: Optional[int]
    other_signature: Optional[int]
    registration: Optional[int]
    taken_back: Optional[int]
    taken_back_wrongly: Optional[int]
    too_short: Optional[int]
    writes_cpu_id: Optional[bool]
    writes_node_id_and_mm_cid: Optional[bool]


class FieldTest(TypedDict):
    """`cpu_id_start`, changed by the thread itself, after one of these."""

    migration: str
    preemption: str
    signal: str
    sleep: str


class LengthTest(TypedDict):
    """What was seen with registrations of one length."""

    aborts: Aborts
    answers: Answers
    cpu_id_start: FieldTest
    length: int


class NotSeen(TypedDict):
    """What was not seen, and why."""

    length: int
    what: str
    why: str


class SelfTest(TypedDict):
    """The self-test."""

    lengths: List[LengthTest]
    milliseconds: int
    not_seen: List[NotSeen]
    refused: Optional[str]


class Verdict(TypedDict):
    """A verdict about this host."""

    action: str
    level: str
    seen: str
    title: str
    verdict: str


class Host(TypedDict):
    """The whole answer: a line of ndjson, or a document."""

    auxv: Auxv
    kernel: Kernel
    libc: Libc
    preload_file: Optional[List[Preloaded]]
    running: Optional[Running]
    seccomp: Seccomp
    self_test: SelfTest
    verdicts: List[Verdict]
