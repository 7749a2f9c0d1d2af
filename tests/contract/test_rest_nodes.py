"""A node shows how its rule engine is doing, as its agent sees it."""

from sqlalchemy import select

from api.db.tables import NodeRow
from tests.service import Service, a_delta
from wire.profile import AgentStatus


def test_a_node_says_why_its_rule_engine_ended(service: Service) -> None:
    """Profiles come all the while; the sentence is the engine's own."""
    service.send(
        a_delta(),
        agent=AgentStatus(
            version="0.1.0",
            window_s=10,
            rule_engine="failed",
            rule_engine_error="It was ended by SIGKILL.",
            rule_engine_restarts=2,
        ),
    )

    agent = service.get("/v1/nodes").json()["items"][0]["agent"]
    assert (agent["rule_engine"], agent["rule_engine_error"], agent["rule_engine_restarts"]) == (
        "failed",
        "It was ended by SIGKILL.",
        2,
    )


def test_a_node_of_an_earlier_release_is_shown_without_it(service: Service) -> None:
    """What was stored before the field existed is read as nothing said."""
    service.send(a_delta())
    with service.core.store.write() as session:
        row = session.scalars(select(NodeRow)).one()
        row.agent = {name: value for name, value in row.agent.items() if not name.startswith("rule_")}

    assert service.get("/v1/nodes").json()["items"][0]["agent"]["rule_engine"] == ""
