"""Enrichment: nobody waits long for a runtime."""

import threading

from collector.enrichment import Enrichment
from tests.unit.collector.fakes import container
from wire.profile import ContainerRef


def test_answers_come_in_the_order_of_the_questions():
    """What the runtime adds is told; a container of which it knows nothing more is not."""
    told = []
    enrichment = Enrichment(
        lambda ref: ref if ref.id == "plain" else container(ref.id, labels={"app": "shop"}),
        told.append,
        lambda _: False,
    )
    for id_ in ("web", "plain", "db"):
        enrichment.add(container(id_))
    enrichment.start()

    assert enrichment.settle(10)
    assert [ref.id for ref in told] == ["web", "db"]
    enrichment.stop()


def test_a_hanging_runtime_is_not_waited_for():
    """`settle` gives up when its time is over, and again finds all answered once the runtime speaks."""
    speaks = threading.Event()

    def hang(ref: ContainerRef) -> ContainerRef:
        speaks.wait(10)
        return ref

    enrichment = Enrichment(hang, lambda _: None, lambda _: False)
    enrichment.start()
    enrichment.add(container("web"))

    assert not enrichment.settle(0.01)
    speaks.set()
    assert enrichment.settle(10)
    enrichment.stop()


def test_labels_come_after_an_outage():
    """A window waits for the first question only; when the runtime is back, the next one is answered."""
    now, up, told = [1000.0], threading.Event(), threading.Event()
    asked = []

    def ask(ref: ContainerRef) -> ContainerRef:
        asked.append(ref.id)
        return container(ref.id, labels={"app": "shop"}) if up.is_set() else ref

    def tell(ref: ContainerRef) -> None:
        assert ref.labels
        if ref.id == "web":
            told.set()

    enrichment = Enrichment(ask, tell, lambda ref: ref.id == "web", clock=lambda: now[0])
    for id_ in ("web", "gone"):
        enrichment.add(container(id_))
    enrichment.start()
    assert enrichment.settle(10)
    assert asked == ["web", "gone"]

    up.set()
    now[0] += 5
    enrichment.add(container("next"))

    assert told.wait(10)
    assert asked == ["web", "gone", "next", "web"]
    enrichment.stop()
