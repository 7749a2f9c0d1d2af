"""A nightly job over REST: named by the report, held out of learning, and known once a person says so."""

from pathlib import Path

from sqlalchemy import select

from api import cli
from api.clock import to_datetime
from api.db.access_tables import AuditRow
from api.tokens.service import Role
from tests.contract.test_rest_poisoning import DAY_MS, HOUR_MS, JOB, SHELL, at
from tests.service import NOW_MS, Service

NIGHTS = 5
BEGIN = (NOW_MS // DAY_MS - NIGHTS - 1) * DAY_MS


def some_nights(service: Service) -> None:
    """Let a workload learn for some days with a job about two each night, and one intrusion at noon."""
    for day in range(NIGHTS + 1):
        start = BEGIN + day * DAY_MS
        batch = [at(start + hour * HOUR_MS, {}) for hour in range(24)]
        batch += [at(start + each * HOUR_MS + 600_000, {}) for each in range(24)]
        if day:
            night = start + 2 * HOUR_MS + day * 60_000
            batch += [at(night + each * 10_000, JOB) for each in range(3)]
        if day == 3:
            batch.append(at(start + 12 * HOUR_MS + 1_200_000, SHELL))
        service.send(*sorted(batch, key=lambda each: each.start))
        service.worker.drain()


def checks(service: Service) -> dict[str, str]:
    """Return the sentences of the report by check."""
    report = service.get("/v1/baselines/1/report").json()
    return {each["name"]: each["text"] for each in report["checks"]}


def wish(**more: str) -> dict[str, str]:
    """Return what is asked to be released."""
    span = {"since": to_datetime(BEGIN).isoformat(), "until": to_datetime(NOW_MS).isoformat()}
    return span | {"reason": "the backup"} | more


def ask(service: Service, role: Role = Role.ADMIN, version: int = 1, **more: str):
    """Ask to release."""
    return service.request("POST", f"/v1/baselines/{version}/release", role, json=wish(**more))


def test_a_nightly_job_is_named_released_and_then_raises_nothing(service: Service) -> None:
    """And what else was held stays held: the intrusion at noon is an alert in production."""
    some_nights(service)
    report = service.get("/v1/baselines/1/report").json()
    told = checks(service)["quarantine"]

    answer = ask(service, at="02:00")

    (rhythm,) = report["rhythms"]
    assert (rhythm["at"], rhythm["weekday"]) == ("02:00", None)
    assert (rhythm["days_seen"], rhythm["days_watched"], rhythm["windows"], rhythm["quarantined"]) == (
        NIGHTS,
        NIGHTS,
        3 * NIGHTS,
        3 * NIGHTS,
    )
    assert rhythm["text"] == "daily about 02:00 UTC, on 5 of 5 days"
    assert "15 of them came daily about 02:00 UTC, on 5 of 5 days" in told
    assert "'nonself baseline release --at 02:00' makes it known" in told
    assert answer.status_code == 200, answer.text
    assert answer.json()["windows"] == 3 * NIGHTS
    assert checks(service)["calendar"].endswith("Known rhythm: daily about 02:00 UTC, on 5 of 5 days.")
    assert service.get("/v1/workloads/1").json()["quarantined"] == 1
    with service.core.store.read() as session:
        entry = session.scalars(select(AuditRow).where(AuditRow.action == "workload.release")).one()
    assert (entry.actor, entry.detail["minute"], entry.detail["windows"]) == ("admin", 120, 15)

    service.put("/v1/workloads/1/mode", {"mode": "enforcement-alert", "reason": "x"})
    service.send(at(NOW_MS - HOUR_MS, JOB))
    service.worker.drain()
    assert service.get("/v1/alerts").json()["items"] == []
    service.send(at(NOW_MS, SHELL))
    service.worker.drain()
    assert len(service.get("/v1/alerts").json()["items"]) == 1


def test_a_span_is_released_by_admins_who_say_why(service: Service) -> None:
    """Nothing held, a version at rest, a time that is none, no reason and no right are refused."""
    service.learn(40)

    assert ask(service).status_code == 409
    assert "there is none" in ask(service).json()["detail"]
    assert ask(service, version=7).status_code == 404
    assert ask(service, at="25:00").status_code == 422
    assert ask(service, reason="").status_code == 422
    assert ask(service, Role.READ).status_code == 403


def test_a_person_releases_at_a_terminal(service: Service, tmp_path: Path, capsys) -> None:
    """Everything that is held of a time, where no time of the day is named."""
    some_nights(service)
    token = tmp_path / "my-token"
    token.write_text(service.secrets[Role.ADMIN])
    options = [f"--{name}={value}" for name, value in wish().items()]

    code = cli.main(
        ["baseline", "release", "shop/cart/web", *options, f"--url={service.url}", f"--token-file={token}"]
    )

    said = capsys.readouterr().out
    assert code == 0
    assert said.startswith("shop/cart/web: 16 windows were released;")
