"""A window that is no evidence is never called normal, whatever its score."""

import pytest

from tests.service import LOOP, Service, a_container, a_delta
from wire.profile import LossCause, Mark


def shown(service: Service, **changes: object) -> dict:
    """Return the score of one more window of a workload."""
    service.send(a_delta(500, **changes))
    service.worker.drain()
    (score,) = service.get("/v1/scores", since="2000-01-01T00:00:00Z", limit=1000).json()["items"][-1:]
    return score


@pytest.mark.parametrize(
    ("changes", "code", "ranked"),
    [
        ({"lost": {LossCause.TABLE_FULL: 30}}, "loss", True),
        ({"lost": {LossCause.UNTRACKED: 1}}, "loss", True),
        ({"marks": frozenset({Mark.PARTIAL})}, "partial_window", False),
        ({"ngrams": {}}, "no_calls", False),
    ],
)
def test_a_window_without_evidence_says_so(
    service: Service, changes: dict, code: str, *, ranked: bool
) -> None:
    """Calls that are missing make `insufficient_evidence` with a reason, and the window is not learned."""
    service.learn(60)

    score = shown(service, **changes)

    assert score["verdict"] == "insufficient_evidence"
    assert [each["code"] for each in score["evidence"]] == [code]
    assert (score["p_value"] is not None) == ranked
    assert not score["learned"]


def test_few_windows_are_no_evidence(service: Service) -> None:
    """Twenty-nine learned windows rank nothing: there is no p-value, and no green 0."""
    service.learn(29)

    score = shown(service)

    assert (score["verdict"], score["p_value"]) == ("insufficient_evidence", None)
    assert [each["code"] for each in score["evidence"]] == ["few_windows"]


def test_a_start_that_was_never_seen_is_no_evidence(service: Service) -> None:
    """Where only running containers were learned, one seen from its start is judged with a reservation."""
    service.learn(60, container=a_container(seen_from_start=False))

    score = shown(service, container=a_container(id="e" * 64, seen_from_start=True))

    assert (score["phase"], score["verdict"], score["p_value"]) == ("start", "insufficient_evidence", None)
    assert [each["code"] for each in score["evidence"]] == ["few_starts", "start_unseen"]


def test_a_steady_window_is_ranked_whatever_starts_were_learned(service: Service) -> None:
    """The fourth window of a new container is judged by those of others, and says so."""
    service.learn(60)
    for index in range(100, 104):
        service.send(a_delta(index, container=a_container(id="e" * 64)))
    service.worker.drain()

    newest = service.get("/v1/scores", limit=1000).json()["items"][-4:]

    phases = sorted((each["start"], each["phase"], each["p_value"] is None) for each in newest)
    assert [each[1:] for each in phases] == [("start", True)] * 3 + [("steady", False)]


def test_a_last_window_says_so_and_is_not_called_healthy_while_few_are_known(service: Service) -> None:
    """What the agent said of the container's end shows in the score, which is ranked all the same."""
    service.learn(60)

    score = shown(service, ended=True)

    assert (score["phase"], score["verdict"]) == ("stop", "insufficient_evidence")
    assert [each["code"] for each in score["evidence"]] == ["few_stops"]
    assert score["p_value"] is not None
    assert score["learned"]


def test_no_verdict_is_normal_where_there_is_a_reason(service: Service) -> None:
    """In the list as in each score: `normal` and reasons exclude each other."""
    service.learn(60)
    service.send(
        a_delta(100, lost={LossCause.TABLE_FULL: 30}),
        a_delta(101, {}),
        a_delta(102, LOOP, marks=frozenset({Mark.PARTIAL})),
    )
    service.worker.drain()

    scores = service.get("/v1/scores", limit=1000).json()["items"]

    assert {each["verdict"] for each in scores} == {"normal", "insufficient_evidence"}
    assert all((each["verdict"] == "normal") == (not each["evidence"]) for each in scores)
