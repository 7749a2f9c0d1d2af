"""Profiles on the screen instead of the way to a service: `nonself-agent run --dry-run`."""

import json
from typing import Final, TextIO

from collector.status import Waiting
from wire.ngram import is_injected, names
from wire.profile import Batch, ProfileDelta
from wire.syscalls import load_table

_SHOWN_NGRAMS: Final = 5
_NO_LOSS: Final = "-"


class Printer:
    """An outbox that prints.

    Args:
        out: Where to.
        as_json: One object for each profile and line, instead of text for people.
    """

    def __init__(self, out: TextIO, *, as_json: bool) -> None:
        self._out = out
        self._as_json = as_json

    def put(self, batch: Batch) -> None:
        if not self._as_json and not batch.deltas:
            self._out.write(f"no calls in this window; {batch.agent.containers} containers\n")
        for delta in batch.deltas:
            self._out.write(_as_json(delta) if self._as_json else _as_text(delta))
        self._out.flush()

    def waiting(self) -> Waiting:
        return Waiting()

    def close(self) -> None:
        """Nothing was kept."""


def _as_json(delta: ProfileDelta) -> str:
    table = load_table(delta.arch)
    container = delta.container
    plain = {
        "start": delta.start,
        "end": delta.end,
        "container": container.id,
        "name": container.name,
        "pod": container.pod,
        "namespace": container.namespace,
        "image": container.image,
        "labels": dict(container.labels),
        "seen_from_start": container.seen_from_start,
        "calls": delta.calls,
        "lost": {cause.value: count for cause, count in delta.lost.items()},
        "marks": sorted(delta.marks),
        "ngrams": [
            {"calls": names(ngram, table), "count": count, "injected": is_injected(ngram)}
            for ngram, count in _by_count(delta)
        ],
    }
    return json.dumps(plain) + "\n"


def _as_text(delta: ProfileDelta) -> str:
    table = load_table(delta.arch)
    container = delta.container
    lost = ", ".join(f"{count} {cause}" for cause, count in delta.lost.items()) or _NO_LOSS
    who = (
        "/".join(part for part in (container.namespace, container.pod, container.name) if part)
        or container.id
    )
    marks = f"  [{', '.join(sorted(delta.marks))}]" if delta.marks else ""
    lines = [
        f"{who}  {container.image or 'no image known'}  {delta.end - delta.start} ms{marks}",
        f"  {delta.calls} calls, {len(delta.ngrams)} n-grams, lost: {lost}",
    ]
    for ngram, count in _by_count(delta)[:_SHOWN_NGRAMS]:
        injected = "injected: " if is_injected(ngram) else ""
        lines.append(f"  {count:>9}  {injected}{' '.join(names(ngram, table))}")
    return "\n".join(lines) + "\n"


def _by_count(delta: ProfileDelta) -> list[tuple[int, int]]:
    return sorted(zip(delta.ngrams, delta.counts, strict=True), key=lambda each: (-each[1], each[0]))
