"""Agent: from probe events and counts to one delta per container and window."""

import threading
from dataclasses import replace
from itertools import pairwise

import pytest

from collector.agent import Agent
from collector.assemble import assemble
from collector.clock import SystemClock
from collector.containers import Containers
from collector.enrichment import Enrichment
from collector.errors import SensorError
from collector.probe import CgroupEventKind, ProbeHealth
from collector.profiles import Origin
from collector.settings import AgentSettings
from collector.status import StatusReporter
from tests.fakes import FakeProbe
from tests.unit.collector.fakes import FakeIdentifier, FakeOutbox, container, sandbox
from wire.profile import LossCause, Mark

BORN, DIED, WATCHED = CgroupEventKind.BORN, CgroupEventKind.DIED, CgroupEventKind.WATCHED


class Rig:
    """An agent with fakes all around; windows end when the test says so."""

    def __init__(self, *, include_sandboxes: bool = False, window_s: float = 3600) -> None:
        self.probe, self.identifier, self.outbox = FakeProbe(), FakeIdentifier(), FakeOutbox()
        self.empty: set[str] = set()
        """Paths of cgroups without a process."""
        self.containers = Containers(
            self.identifier,
            self.identifier.path_of,
            is_empty=lambda path: path in self.empty,
            include_sandboxes=include_sandboxes,
        )
        self.released = threading.Event()
        enrichment = Enrichment(
            self.identifier.enrich, self.containers.update, lambda ref: self.containers.lives(ref.id)
        )
        self.containers.welcome = enrichment.add
        clock = SystemClock()
        self.agent = Agent(
            probe=self.probe,
            containers=self.containers,
            enrichment=enrichment,
            outbox=self.outbox,
            reporter=StatusReporter(window_s=window_s, started_at=clock.now().wall),
            origin=Origin("node-a", "boot-1", "x86_64"),
            clock=clock,
            window_s=window_s,
            release=self.released.set,
        )
        self.enrichment = enrichment

    def tell(self, kind, cgroup_id, path=""):
        """Let the agent hear one event."""
        self.probe.happen(kind, cgroup_id, path)
        for event in self.probe.events(0):
            self.containers.hear(event)

    def window(self):
        """End the window and return its deltas by container id."""
        self.agent._end_window()
        return {delta.container.id: delta for delta in self.outbox.batches[-1].deltas}


@pytest.fixture
def rig():
    """An agent whose windows the test ends."""
    made = Rig()
    made.enrichment.start()
    yield made
    made.enrichment.stop()


def test_a_container_is_counted_from_its_birth(rig):
    """What a container does between birth and the window's end is in the window's delta, with its labels."""
    rig.identifier.add(7, "/default/web", container("web"))
    rig.identifier.labels["web"] = {"app": "shop"}
    rig.tell(BORN, 7, "/default/web")
    rig.probe.count(7, {5: 2, 9: 1})

    delta = rig.window()["web"]

    assert dict(zip(delta.ngrams, delta.counts, strict=True)) == {5: 2, 9: 1}
    assert delta.container.labels == {"app": "shop"}
    assert delta.container.seen_from_start
    assert Mark.UNIDENTIFIED not in delta.marks


def test_nested_cgroups_are_one_container(rig):
    """Counts, losses and marks of all cgroups of a container are joined in one delta."""
    for cgroup_id, path in ((7, "/default/web"), (8, "/default/web/init")):
        rig.identifier.add(cgroup_id, path, container("web"))
        rig.tell(BORN, cgroup_id, path)
    rig.probe.count(7, {5: 2, 9: 1}, {LossCause.QUOTA: 3})
    rig.probe.count(8, {1: 4, 9: 10}, {LossCause.QUOTA: 1, LossCause.TABLE_FULL: 2}, over_quota=True)

    deltas = rig.window()

    assert list(deltas) == ["web"]
    assert deltas["web"].ngrams == (1, 5, 9)
    assert deltas["web"].counts == (4, 2, 11)
    assert deltas["web"].lost == {LossCause.QUOTA: 4, LossCause.TABLE_FULL: 2}
    assert Mark.QUOTA in deltas["web"].marks


def test_a_container_that_died_within_the_window_is_counted_and_then_forgotten(rig):
    """A short life is in its window's delta; the probe frees its records after that, not before."""
    rig.identifier.add(7, "/default/job", container("job"))
    rig.tell(BORN, 7, "/default/job")
    rig.probe.count(7, {5: 2})
    del rig.identifier.paths[7]
    rig.tell(DIED, 7)
    assert not rig.probe.forgotten

    assert rig.window()["job"].calls == 2
    assert rig.probe.forgotten == {7}
    assert not rig.window()
    assert rig.containers.get(7) is None


def test_the_window_in_which_a_container_ended_says_so(rig):
    """Its cgroup was removed before the window was cut; no window before says that."""
    rig.identifier.add(7, "/default/job", container("job"))
    rig.tell(BORN, 7, "/default/job")
    rig.probe.count(7, {5: 2})
    assert not rig.window()["job"].ended
    rig.probe.count(7, {5: 2})
    rig.tell(DIED, 7, "/default/job")

    assert rig.window()["job"].ended


def test_a_container_without_processes_has_ended_before_its_runtime_removes_it(rig):
    """What came of its last process lies in this window, even where its cgroup goes in the next."""
    for cgroup_id, name in ((7, "job"), (8, "web")):
        rig.identifier.add(cgroup_id, f"/default/{name}", container(name))
        rig.tell(BORN, cgroup_id, f"/default/{name}")
        rig.probe.count(cgroup_id, {5: 2})
    rig.empty.add("/default/job")

    assert {name: delta.ended for name, delta in rig.window().items()} == {"job": True, "web": False}


def test_a_cgroup_that_goes_within_a_container_is_not_its_end(rig):
    """A systemd in a container removes cgroups all day."""
    rig.identifier.add(7, "/default/web", container("web"))
    rig.identifier.add(9, "/default/web/unit", container("web"))
    rig.tell(BORN, 7, "/default/web")
    rig.tell(BORN, 9, "/default/web/unit")
    rig.probe.count(9, {5: 2})
    rig.tell(DIED, 9, "/default/web/unit")

    assert not rig.window()["web"].ended


def test_a_container_started_again_under_its_id_has_ended_once(rig):
    """As of `podman restart`: the window that holds the end says so, and the next one does not."""
    rig.identifier.add(7, "/default/web", container("web"))
    rig.tell(BORN, 7, "/default/web")
    rig.probe.count(7, {5: 2})
    rig.tell(DIED, 7, "/default/web")
    rig.identifier.add(8, "/default/web", container("web"))
    rig.tell(BORN, 8, "/default/web")
    rig.probe.count(8, {5: 1})
    first = rig.window()["web"]
    rig.probe.count(8, {5: 1})

    assert (first.ended, rig.window()["web"].ended) == (True, False)


def test_a_container_made_again_under_its_name_within_one_window_is_one_delta(rig):
    """Two lives of one container id in one window are joined: a delta's identity is never used twice."""
    rig.identifier.add(7, "/default/job", container("job"))
    rig.tell(BORN, 7, "/default/job")
    rig.probe.count(7, {5: 2})
    rig.tell(DIED, 7)
    rig.identifier.add(8, "/default/job", container("job", image="second"))
    rig.tell(BORN, 8, "/default/job")
    rig.probe.count(8, {5: 1})

    delta = rig.window()["job"]

    assert delta.calls == 3
    assert delta.container.image == "second"
    assert rig.probe.forgotten == {7}


def test_counts_of_a_cgroup_that_vanished_unannounced_are_sent_as_unidentified(rig):
    """Calls that nobody can be named for are sent under the cgroup's number, marked, and forgotten later."""
    rig.probe.count(99, {5: 2})

    delta = rig.window()["cgroup-99"]

    assert delta.calls == 2
    assert Mark.UNIDENTIFIED in delta.marks
    rig.window()
    assert 99 in rig.probe.forgotten


def test_a_container_whose_runtime_files_are_gone_is_marked(rig):
    """A container known by nothing but its id is marked as unidentified."""
    rig.identifier.add(7, "/default/ab12", container("ab12", name=""))
    rig.tell(BORN, 7, "/default/ab12")
    rig.probe.count(7, {5: 2})

    assert Mark.UNIDENTIFIED in rig.window()["ab12"].marks


def test_counts_of_a_cgroup_that_was_not_announced_are_named_by_its_path(rig):
    """A living cgroup whose birth was not heard of is looked up when its counts come."""
    rig.identifier.add(7, "/default/web", container("web"))
    rig.probe.count(7, {5: 2})

    delta = rig.window()["web"]

    assert delta.calls == 2
    assert Mark.UNIDENTIFIED not in delta.marks


def test_a_runtime_is_asked_again_about_living_containers_that_it_may_know():
    """Those of a runtime with a socket, from their birth to their death; others have told all in files."""
    identifier, probe, outbox = FakeIdentifier(), FakeProbe(), FakeOutbox()
    agent = assemble(
        AgentSettings(),
        Origin("node-a", "boot-1", "x86_64"),
        probe=probe,
        identifier=identifier,
        path_of=identifier.path_of,
        outbox=outbox,
    )
    web, other = container("web"), replace(container("other"), runtime="docker")
    identifier.add(7, "/default/web", web)
    identifier.add(8, "/docker/other", other)
    may_be_told = agent._enrichment._again

    assert not may_be_told(web)
    for cgroup_id, path in identifier.paths.items():
        probe.happen(BORN, cgroup_id, path)
    agent._hear(0)
    assert may_be_told(web)
    assert not may_be_told(other)
    probe.happen(DIED, 7)
    agent._hear(0)
    assert not may_be_told(web)


def test_what_is_no_container_is_not_counted_any_more(rig):
    """A cgroup that execs and is no container is ignored, its counts dropped; a birth decides nothing."""
    rig.identifier.paths[7] = "/system.slice/cron.service"
    rig.tell(BORN, 7, "/system.slice/cron.service")
    assert not rig.window()
    assert not rig.probe.ignored
    rig.tell(WATCHED, 7)
    rig.probe.count(7, {5: 2})

    assert not rig.window()
    assert rig.probe.ignored == {7}


def test_pause_containers_are_not_sent_unless_asked_for(rig):
    """A sandbox is ignored by default and profiled by the setting."""
    asked = Rig(include_sandboxes=True)
    asked.enrichment.start()
    for each in (rig, asked):
        each.identifier.add(7, "/pod/pause", sandbox("pause"))
        each.tell(BORN, 7, "/pod/pause")
        each.probe.count(7, {5: 2})

    assert not rig.window()
    assert rig.probe.ignored == {7}
    assert asked.window()["pause"].calls == 2
    assert not asked.probe.ignored
    asked.enrichment.stop()


def test_containers_that_ran_before_are_adopted_and_say_so(rig):
    """What runs at the start is watched from then on and marked as not seen from its start."""
    rig.identifier.add(7, "/default/old", container("old"))
    rig.identifier.present = [(7, container("old")), (8, sandbox("pause"))]

    rig.agent._begin()
    rig.probe.count(7, {5: 2})

    assert rig.probe.adopted == {7}
    assert not rig.window()["old"].container.seen_from_start


def test_a_container_born_during_the_first_scan_is_not_adopted(rig):
    """The probe saw its birth, so its runtime's own calls must not be taken for the container's."""
    rig.identifier.add(7, "/default/new", container("new"))
    rig.identifier.present = [(7, container("new"))]
    rig.probe.happen(BORN, 7, "/default/new")

    rig.agent._begin()
    rig.probe.count(7, {5: 2})

    assert not rig.probe.adopted
    assert rig.window()["new"].container.seen_from_start


def test_a_container_that_lives_and_dies_within_the_first_scan_has_its_name(rig):
    """Births are heard while the scan at the start runs, not when it has ended and the files are gone."""
    asked = threading.Event()
    identify = rig.identifier.identify

    def answer(cgroup_id, path, pid):
        try:
            return identify(cgroup_id, path, pid)
        finally:
            asked.set()

    def brief_life():
        rig.identifier.add(7, "/default/job", container("job"))
        rig.probe.happen(BORN, 7, "/default/job")
        rig.probe.count(7, {5: 2})
        asked.wait(10)
        rig.identifier.by_path.clear()
        rig.identifier.paths.clear()
        rig.probe.happen(DIED, 7)

    rig.identifier.identify, rig.identifier.scanning = answer, brief_life

    rig.agent._begin()
    deltas = rig.window()

    assert list(deltas) == ["job"]
    assert deltas["job"].container.seen_from_start
    assert not rig.probe.adopted
    assert rig.probe.forgotten == {7}


def test_a_birth_told_when_the_scan_has_found_it_is_not_adopted(rig):
    """The last births are heard after the scan, also of containers that were known by nothing at birth."""
    rig.identifier.present = [(7, container("new", seen_from_start=False))]
    rig.identifier.scanning = lambda: rig.probe.happen(BORN, 7, "/default/new")

    rig.agent._begin()
    rig.probe.count(7, {5: 2})

    assert not rig.probe.adopted
    assert rig.window()["new"].container.seen_from_start


def test_what_happens_in_an_old_container_makes_it_no_younger(rig):
    """A cgroup born and a program started in a container during the scan leave it older than the probe."""
    for cgroup_id, path in ((7, "/default/old"), (8, "/default/old/nested")):
        rig.identifier.add(cgroup_id, path, container("old"))
    rig.identifier.present = [(8, container("old")), (7, container("old"))]
    rig.probe.happen(BORN, 8, "/default/old/nested")
    rig.probe.happen(WATCHED, 7)

    rig.agent._begin()
    rig.probe.count(7, {5: 2})

    assert rig.probe.adopted == {7}
    assert not rig.window()["old"].container.seen_from_start


def test_a_process_that_said_too_little_does_not_hide_its_container(rig):
    """A cgroup whose first exec named nobody is not dropped once the scan has found its container."""
    rig.identifier.present = [(7, container("old"))]
    rig.probe.happen(WATCHED, 7)

    rig.agent._begin()
    rig.probe.count(7, {5: 2})

    assert rig.window()["old"].calls == 2
    assert not rig.probe.ignored


def test_an_agent_that_cannot_scan_ends():
    """A failure of the first scan is the failure of the agent."""
    rig = Rig()

    def fail():
        msg = "The cgroup tree is gone."
        raise SensorError(msg)

    rig.identifier.scanning = fail

    with pytest.raises(SensorError, match="tree is gone"):
        rig.agent.run()
    assert rig.outbox.closed


def test_labels_that_come_late_do_not_undo_what_the_probe_saw(rig):
    """An answer of the runtime keeps whether the container was seen from its start."""
    rig.identifier.add(7, "/default/old", container("old"))
    rig.identifier.labels["old"] = {"app": "shop"}
    rig.identifier.present = [(7, container("old"))]
    rig.agent._begin()
    rig.probe.count(7, {5: 2})

    ref = rig.window()["old"].container

    assert ref.labels == {"app": "shop"}
    assert not ref.seen_from_start


def test_dropped_events_lead_to_a_scan(rig):
    """Births and deaths whose news was lost are found by walking the tree; neither is adopted."""
    rig.identifier.add(7, "/default/gone", container("gone"))
    rig.tell(BORN, 7, "/default/gone")
    del rig.identifier.paths[7]
    rig.identifier.add(8, "/default/new", container("new"))
    rig.identifier.present = [(8, container("new"))]
    rig.probe.state = ProbeHealth(dropped_events=3)

    rig.window()

    assert rig.containers.get(8).seen_from_start
    assert not rig.probe.adopted
    assert len(rig.containers) == 1
    rig.window()
    assert rig.probe.forgotten == {7}


def test_a_stranger_whose_death_was_not_heard_is_forgotten_by_the_next_scan(rig):
    """An ignored cgroup holds a place in the kernel's map; the scan frees it, and spares those that live."""
    rig.identifier.paths |= {7: "/user.slice", 8: "/init.scope"}
    rig.tell(WATCHED, 7)
    rig.tell(WATCHED, 8)
    rig.window()
    assert rig.probe.ignored == {7, 8}
    del rig.identifier.paths[7]
    rig.probe.state = ProbeHealth(dropped_events=1)

    rig.window()
    rig.window()

    assert rig.probe.forgotten == {7}


def test_every_window_says_that_the_agent_lives(rig):
    """A window without calls gives a batch without deltas, with the agent's own state."""
    rig.probe.state = ProbeHealth(missed_runs=2)

    assert not rig.window()

    status = rig.outbox.batches[-1].agent
    assert status.missed_runs == 2
    assert status.rss_bytes > 0


def test_a_stopped_agent_hands_over_its_last_window():
    """`stop` ends the running window early, marks it as partial, and closes all that was opened."""
    rig = Rig()
    rig.identifier.add(7, "/default/web", container("web"))
    running = threading.Thread(target=rig.agent.run)
    rig.probe.happen(BORN, 7, "/default/web")
    rig.probe.count(7, {5: 2})
    running.start()

    rig.agent.stop()
    running.join(10)

    assert not running.is_alive()
    (batch,) = rig.outbox.batches
    assert batch.deltas[0].calls == 2
    assert Mark.PARTIAL in batch.deltas[0].marks
    assert rig.probe.closed
    assert rig.outbox.closed
    assert rig.released.is_set()


def test_windows_follow_each_other_without_gap():
    """A running agent hands over window after window; each begins where the one before ended."""
    rig = Rig(window_s=0.05)
    rig.identifier.add(7, "/default/web", container("web"))
    rig.probe.happen(BORN, 7, "/default/web")
    running = threading.Thread(target=rig.agent.run)
    running.start()
    for turn in range(4):
        rig.probe.count(7, {5: 1})
        with rig.outbox.changed:
            assert rig.outbox.changed.wait_for(lambda turn=turn: len(rig.outbox.batches) > turn, 10)
    rig.agent.stop()
    running.join(10)

    deltas = [delta for batch in rig.outbox.batches for delta in batch.deltas]
    assert sum(delta.calls for delta in deltas) == 4
    assert all(earlier.end <= later.start for earlier, later in pairwise(deltas))


def test_an_agent_ends_when_its_sensor_does():
    """A failure in the thread that follows containers ends the agent with that failure."""
    rig = Rig()
    rig.identifier.add(7, "/default/web", container("web"))

    def fail(_):
        msg = "The ring buffer is gone."
        raise SensorError(msg)

    rig.containers.hear = fail
    raised = []

    def run():
        try:
            rig.agent.run()
        except SensorError as error:
            raised.append(error)

    running = threading.Thread(target=run)
    running.start()
    rig.probe.happen(BORN, 7, "/default/web")
    running.join(10)

    assert not running.is_alive()
    assert len(raised) == 1
    assert rig.outbox.closed
