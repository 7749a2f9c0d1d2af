"""Hypothesis strategies for everything that goes over the wire."""

from hypothesis import strategies as st

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
