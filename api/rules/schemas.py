"""What REST says of rules."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.matches.schemas import AttackOut
from api.paging import NoQuery
from api.vocabulary import Level, RuleCondition
from wire.bundle import MAX_FILE_CHARS, By, Scope, Selection
from wire.match import FieldValue, Priority, RuleState

MAX_EVENTS = 1000
_Text = Annotated[str, Field(max_length=4096)]


class RuleQuery(NoQuery):
    """Filters of the list of rules."""

    state: RuleCondition | None = None
    tag: Annotated[str | None, Field(max_length=4096)] = None
    file: Annotated[str | None, Field(max_length=4096)] = None
    level: Level | None = None


class UploadQuery(NoQuery):
    """How a file is uploaded; with a JSON body only `dry_run` may stand here."""

    name: Annotated[str | None, Field(description="Name of the file, such as `shop.yaml`.")] = None
    position: Annotated[
        int | None, Field(ge=0, description="Place among the files; its old place, or the end, where absent.")
    ] = None
    comment: Annotated[str, Field(max_length=1000, description="Kept with the version.")] = ""
    dry_run: Annotated[bool, Field(description="Check only; change nothing.")] = False


class UploadIn(BaseModel):
    """A file of rules, as JSON."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "shop.yaml",
                    "content": "- rule: Shell\n  desc: …\n  condition: …\n",
                    "comment": "CHG-7",
                }
            ]
        },
    )

    name: str
    content: Annotated[str, Field(max_length=MAX_FILE_CHARS)]
    position: Annotated[int | None, Field(ge=0)] = None
    comment: Annotated[str, Field(max_length=1000)] = ""


class FileOut(BaseModel):
    """One file of a rule set."""

    name: str
    digest: Annotated[str, Field(description="SHA-256 in hex.")]


class RuleSetOut(BaseModel):
    """A version of the rules; it never changes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 4,
                    "active": True,
                    "digest": "9f2c…",
                    "files": [{"name": "shop.yaml", "digest": "5e1d…"}],
                    "rules": 12,
                    "shipped": False,
                    "created_at": "2026-11-23T13:10:00Z",
                    "actor": "soc",
                    "comment": "CHG-7",
                }
            ]
        }
    )

    id: Annotated[int, Field(description="Number of the version; 0 for one that was only tried.")]
    active: bool
    digest: str
    files: list[FileOut]
    rules: int
    shipped: Annotated[bool, Field(description="The rules that came with the service, and nothing else.")]
    created_at: datetime
    actor: str
    comment: str


class UploadOut(BaseModel):
    """What an upload made, or would make."""

    dry_run: bool
    version: RuleSetOut
    warnings: Annotated[list[dict[str, Any]], Field(description="Each with code, file, line and column.")]


class RuleDiffOut(BaseModel):
    """What changed between two versions."""

    before: int
    after: int
    diff: Annotated[str, Field(description="Unified; empty where they are equal.")]


class ReasonQuery(NoQuery):
    """Why something is taken away; a DELETE has no body."""

    reason: Annotated[str, Field(max_length=1000)] = ""


class ReasonIn(BaseModel):
    """Why something is done."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "CHG-7"}]})

    reason: Annotated[str, Field(max_length=1000)] = ""


class SelectionIn(BaseModel):
    """Switch rules on or off, everywhere or in one place."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"enable": False, "rule": "Terminal *", "namespace": "shop", "reason": "CHG-7"}]
        },
    )

    enable: bool
    rule: Annotated[_Text | None, Field(description="Name, in which `*` stands for any text.")] = None
    tag: Annotated[_Text | None, Field(description="One tag, exactly.")] = None
    namespace: Annotated[_Text | None, Field(description="Only there.")] = None
    workload: Annotated[int | None, Field(ge=1, lt=1 << 63, description="Only for this workload.")] = None
    reason: Annotated[str, Field(max_length=1000)] = ""

    @model_validator(mode="after")
    def _one_of_each(self) -> "SelectionIn":
        if bool(self.rule) == bool(self.tag):
            msg = "expected either rule or tag"
            raise ValueError(msg)
        if self.namespace is not None and self.workload is not None:
            msg = "expected at most one of namespace and workload"
            raise ValueError(msg)
        if self.namespace == "":
            msg = "expected a namespace that is not empty"
            raise ValueError(msg)
        return self

    def selection(self) -> Selection:
        """Return it as agents see it."""
        return Selection(
            enable=self.enable,
            by=By.RULE if self.rule else By.TAG,
            pattern=self.rule or self.tag or "",
            scope=Scope(namespace=self.namespace or "", workload=self.workload or 0),
        )


class SelectionOut(BaseModel):
    """Rules that are switched on or off, everywhere or in one place."""

    id: int
    enable: bool
    rule: str | None
    tag: str | None
    namespace: str | None
    workload: int | None
    created_at: datetime
    actor: str
    reason: str


class SelectionsOut(BaseModel):
    """All selections, oldest first: the narrowest place decides, then the newest."""

    items: list[SelectionOut]


class EnabledOut(BaseModel):
    """Whether a rule is on in one place; both null means everywhere else."""

    namespace: str | None
    workload: int | None
    enabled: bool


class StateOut(BaseModel):
    """What some nodes say of a rule."""

    state: RuleState
    reasons: list[str]
    nodes: list[str]


class RuleOut(BaseModel):
    """One rule of the active set."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Terminal shell in container",
                    "priority": "Notice",
                    "level": "low",
                    "tags": ["T1059", "container", "mitre_execution"],
                    "attack": {"tactics": ["execution"], "techniques": ["T1059"], "version": ""},
                    "source": "syscall",
                    "file": "falco_rules.yaml",
                    "enabled": [{"namespace": None, "workload": None, "enabled": True}],
                    "state": "partly",
                    "states": [
                        {
                            "state": "partly",
                            "reasons": ["proc.tty is not supplied."],
                            "nodes": ["worker-1"],
                        }
                    ],
                }
            ]
        }
    )

    name: str
    priority: Priority
    level: Level
    tags: list[str]
    attack: AttackOut
    source: str
    file: str
    enabled: list[EnabledOut]
    state: Annotated[RuleCondition, Field(description="Over all nodes that run the active rules.")]
    states: list[StateOut]


class RuleDetailOut(RuleOut):
    """A rule with its text."""

    desc: str
    condition: str
    written_out: Annotated[str, Field(description="The condition with lists and macros written out.")]
    output: str
    line: int


class RulesOut(BaseModel):
    """The rules of the active set, in the order in which they are tried."""

    version: int
    digest: Annotated[str, Field(description="Of files and selections: what agents report to run.")]
    nodes: Annotated[int, Field(description="Nodes whose engine reports.")]
    nodes_current: Annotated[int, Field(description="Those of them that run this digest.")]
    items: list[RuleOut]


class TestIn(BaseModel):
    """Rules to try, and events to try them on."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "rules": "- rule: Shell\n  desc: d\n  condition: evt.type=execve and proc.name=sh\n"
                    "  output: A shell (%proc.cmdline)\n  priority: NOTICE\n",
                    "events": [{"evt.type": "execve", "proc.name": "sh", "proc.cmdline": "sh -i"}],
                }
            ]
        },
    )

    rules: Annotated[
        str | None,
        Field(max_length=MAX_FILE_CHARS, description="A file of its own; the active rules where absent."),
    ] = None
    name: Annotated[str, Field(max_length=255, description="What errors and warnings call that file.")] = (
        "rules.yaml"
    )
    events: Annotated[
        list[dict[_Text, FieldValue | list[FieldValue]]],
        Field(max_length=MAX_EVENTS, description="Values by field; fields left out are missing."),
    ]


class TestMatchOut(BaseModel):
    """A rule that was true of an event."""

    rule: str
    priority: Priority
    tags: list[str]
    enabled: Annotated[bool, Field(description="False: it would not fire, since it is switched off.")]
    output: str
    output_fields: dict[str, FieldValue]


class TestEventOut(BaseModel):
    """What the rules said of one event, in the order in which they are tried."""

    matches: list[TestMatchOut]


class TestOut(BaseModel):
    """What the rules said, event by event."""

    rules: Annotated[int, Field(description="Rules that were tried.")]
    warnings: list[dict[str, Any]]
    events: list[TestEventOut]
