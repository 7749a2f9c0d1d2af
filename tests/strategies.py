"""Hypothesis strategies for everything that goes over the wire."""

from hypothesis import strategies as st

from wire.bundle import By, RuleBundle, RuleFile, Scope, Selection
from wire.match import Ancestor, EngineReport, MatchBatch, Priority, RuleReport, RuleState, SignatureMatch
from wire.ngram import INJECTED
from wire.profile import (
    AgentStatus,
    Batch,
    ContainerKind,
    ContainerRef,
    LossCause,
    Mark,
    ProfileDelta,
)

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
names = texts.filter(bool)
whole = st.integers(0, (1 << 63) - 1)
small = st.integers(0, 1 << 40)

containers = st.builds(
    ContainerRef,
    id=names,
    runtime=texts,
    kind=st.sampled_from(ContainerKind),
    name=texts,
    pod=texts,
    namespace=texts,
    pod_uid=texts,
    image=texts,
    image_digest=texts,
    labels=st.dictionaries(texts, texts, max_size=3),
    annotations=st.dictionaries(texts, texts, max_size=2),
    cgroup=texts,
    seen_from_start=st.booleans(),
)


@st.composite
def deltas(draw: st.DrawFn, node: str = "node-a", boot_id: str = "boot-1") -> ProfileDelta:
    """A delta that keeps every rule of the format."""
    profile = draw(st.dictionaries(st.integers(0, (INJECTED << 1) - 1), st.integers(1, 1 << 50), max_size=20))
    start = draw(small)
    return ProfileDelta(
        node=node,
        boot_id=boot_id,
        container=draw(containers),
        start=start,
        end=start + draw(st.integers(1, 1 << 20)),
        arch="x86_64",
        ngrams=tuple(sorted(profile)),
        counts=tuple(profile[ngram] for ngram in sorted(profile)),
        lost=draw(st.dictionaries(st.sampled_from(LossCause), st.integers(1, 1 << 50))),
        marks=draw(st.frozensets(st.sampled_from(Mark))),
        ended=draw(st.booleans()),
    )


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """A batch of deltas of one node and boot."""
    node, boot_id = draw(names), draw(names)
    return Batch(
        node=node,
        boot_id=boot_id,
        sent_at=draw(small),
        agent=AgentStatus(version=draw(texts), window_s=draw(st.floats(0.001, 3600)), rss_bytes=draw(small)),
        deltas=tuple(draw(st.lists(deltas(node, boot_id), max_size=4))),
    )


field_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 64) - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
)
ancestors = st.builds(Ancestor, pid=whole, name=texts, exe=texts, cmdline=texts)


def matches(node: str = "node-a", boot_id: str = "boot-1") -> st.SearchStrategy[SignatureMatch]:
    """A match that keeps every rule of the format."""
    return st.builds(
        SignatureMatch,
        node=st.just(node),
        boot_id=st.just(boot_id),
        sequence=whole,
        time=whole,
        pid=whole,
        event_type=texts,
        rule=names,
        priority=st.sampled_from(Priority),
        output=texts,
        ruleset=texts,
        container=st.none() | containers,
        source=names,
        tags=st.lists(texts, max_size=3).map(lambda tags: tuple(sorted(tags))),
        output_fields=st.dictionaries(texts, field_values, max_size=4),
        ancestors=st.lists(ancestors, max_size=3).map(tuple),
        truncated=st.lists(texts, max_size=2).map(tuple),
        open_condition=texts,
    )


engines = st.builds(
    EngineReport,
    ruleset=texts,
    error=texts,
    rules=st.lists(
        st.builds(
            RuleReport,
            rule=names,
            state=st.sampled_from(RuleState),
            reasons=st.lists(texts, max_size=2).map(tuple),
        ),
        max_size=3,
    ).map(tuple),
    counters=st.dictionaries(texts, whole, max_size=3),
)


@st.composite
def match_batches(draw: st.DrawFn) -> MatchBatch:
    """A batch of matches of one node and boot."""
    node, boot_id = draw(names), draw(names)
    return MatchBatch(
        node=node,
        boot_id=boot_id,
        sent_at=draw(small),
        engine=draw(st.none() | engines),
        matches=tuple(draw(st.lists(matches(node, boot_id), max_size=3))),
    )


scopes = st.one_of(
    st.just(Scope()), st.builds(Scope, namespace=names), st.builds(Scope, workload=st.integers(1, 1 << 40))
)


def bundles() -> st.SearchStrategy[RuleBundle]:
    """A bundle that keeps every rule of the format."""
    selection = st.builds(
        Selection, enable=st.booleans(), by=st.sampled_from(By), pattern=names, scope=scopes
    )
    return st.builds(
        RuleBundle,
        version=small,
        files=st.lists(st.builds(RuleFile, name=names, text=texts), max_size=3).map(tuple),
        selections=st.lists(selection, max_size=3).map(tuple),
    )
