"""From one service to another: bundles, trusted keys, and every reason to refuse one."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select

from api import cli
from api.baselines import bundle
from api.clock import to_datetime
from api.db.access_tables import AuditRow
from api.db.tables import BaselineRow
from api.keys import own
from api.tokens.service import Role
from tests.databases import Database
from tests.service import LOOP, NOW_MS, Service, a_delta, serving
from wire.ngram import pack

SHELL = {pack([each, 59, each + 1, 60, 61, each + 2], injected=True): 3 for each in range(100, 160)}


@pytest.fixture(scope="module")
def staging(tmp_path_factory: pytest.TempPathFactory, database: Database) -> Iterator[Service]:
    """A service that has learned one workload."""
    with serving(tmp_path_factory.mktemp("staging"), database) as service:
        service.learn(60)
        yield service


@pytest.fixture
def production(tmp_path: Path, database: Database, staging: Service) -> Iterator[Service]:
    """Another one, of another cluster, with a database of its own, that trusts the first."""
    with serving(tmp_path, database, cluster="prod") as service:
        trust(service, staging.get("/v1/keys/own", Role.ADMIN).json()["public_key"])
        yield service


def trust(service: Service, public_key: str, name: str = "staging", **more: Any) -> dict:
    """Trust a key."""
    wish = {"name": name, "public_key": public_key, "reason": "set up", **more}
    answer = service.request("POST", "/v1/keys", Role.ADMIN, json=wish)
    assert answer.status_code == 200, answer.text
    return answer.json()


def export(service: Service) -> bytes:
    """Return the bundle of the only baseline."""
    answer = service.get("/v1/baselines/1/bundle", Role.ADMIN)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    return answer.content


def take(service: Service, data: bytes, role: Role = Role.ADMIN, **query: Any):
    """Import a bundle."""
    return service.request(
        "POST",
        "/v1/baselines/import",
        role,
        content=data,
        type_="application/zip",
        **{"reason": "CHG-7", **query},
    )


def remade(data: bytes, key: Ed25519PrivateKey, change: Callable[[dict], None]) -> bytes:
    """Return a bundle with another manifest, signed by a key."""
    opened = bundle.open_(data)
    manifest = json.loads(opened.manifest)
    change(manifest)
    told = {name: each for name, each in manifest.items() if name not in {"format", "version", "parts"}}
    return bundle.write(told, opened.parts, key)


def key_of(service: Service) -> Ed25519PrivateKey:
    """Return the key that a service signs with."""
    return own.load_or_make(service.core.settings.state_dir)


def refused(answer: Any, cause: str, sentence: str) -> None:
    """Say that a bundle was refused for one reason."""
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/bundle-refused")
    assert answer.json()["cause"] == cause
    assert sentence in answer.json()["detail"]


def test_what_was_learned_in_staging_judges_in_production(staging: Service, production: Service) -> None:
    """The same snapshot, `active` at once; benign windows raise nothing and an intrusion an alert."""
    data = export(staging)

    answer = take(production, data, promote=True)
    production.send(*(a_delta(each, dict.fromkeys(LOOP, 50)) for each in range(20)))
    production.worker.drain()
    quiet = production.get("/v1/alerts").json()["items"]
    production.send(a_delta(30, LOOP | SHELL))
    production.worker.drain()

    assert answer.status_code == 200
    told = answer.json()
    assert (told["state"], told["origin"], told["live"]) == ("active", "imported", True)
    assert (told["workload"]["mode"], told["workload"]["cluster"]) == ("enforcement-alert", "prod")
    shown = production.get(f"/v1/baselines/{told['id']}").json()["bundle"]
    assert (shown["signed_by"], shown["manifest"]["exported"]["by"]) == ("staging", "admin")
    assert staging.get("/v1/baselines/1").json()["bundle"] is None
    assert quiet == []
    assert len(production.get("/v1/alerts").json()["items"]) == 1
    with staging.core.store.read() as here, production.core.store.read() as there:
        assert here.scalar(select(BaselineRow.snapshot)) == there.scalar(select(BaselineRow.snapshot))


def test_an_imported_version_waits_until_it_is_promoted(staging: Service, production: Service) -> None:
    """It is `ready` and at rest; windows go on to be scored against what was learned here."""
    production.learn(5)
    answer = take(production, export(staging))
    before = production.get("/v1/workloads", limit=10).json()["items"][0]
    version = answer.json()["id"]
    wish = {"to": "active", "reason": "CHG-8"}
    promoted = production.request("POST", f"/v1/baselines/{version}/transitions", Role.ADMIN, json=wish)

    assert (answer.json()["state"], answer.json()["live"]) == ("ready", False)
    assert (before["state"], before["windows_learned"]) == ("learning", 5)
    assert promoted.json()["live"]
    states = {each["number"]: each["state"] for each in production.get("/v1/baselines").json()["items"]}
    assert states == {1: "stale", 2: "active"}
    last = production.get(f"/v1/baselines/{version}/history").json()["items"]
    assert [(each["before"], each["after"]) for each in last] == [("learning", "ready"), ("ready", "active")]
    assert last[0]["reason"] == "Imported from a bundle signed by 'staging': CHG-7"


def test_a_stale_version_that_cannot_rank_is_not_returned_to(staging: Service, production: Service) -> None:
    """Five windows rank nothing, so the sentence says how many it takes."""
    production.learn(5)
    take(production, export(staging), promote=True)

    answer = production.request("POST", "/v1/baselines/1/rollback", Role.ADMIN, json={"reason": "x"})

    assert answer.status_code == 409
    assert "has learned 5 windows; to be active it needs at least 30" in answer.json()["detail"]


def test_an_imported_version_has_a_report(staging: Service, production: Service) -> None:
    """Where it was learned travels with it."""
    version = take(production, export(staging)).json()["id"]

    report = production.get(f"/v1/baselines/{version}/report").json()
    there = staging.get("/v1/baselines/1/report").json()

    for part in ("calendar", "images", "phases"):
        assert report[part] == there[part]
    assert report["realised"] is None


def test_a_bundle_goes_to_another_namespace_and_name(staging: Service, production: Service) -> None:
    """Where production calls the workload otherwise."""
    answer = take(production, export(staging), namespace="shop-eu", name="basket")

    assert answer.json()["workload"]["namespace"] == "shop-eu"
    assert answer.json()["workload"]["name"] == "basket"


def test_an_unknown_key_is_refused(staging: Service, production: Service) -> None:
    """Its bytes are shown, so that a person can compare them."""
    stranger = Ed25519PrivateKey.generate()

    answer = take(production, remade(export(staging), stranger, lambda _: None))

    shown = base64.b64encode(stranger.public_key().public_bytes_raw()).decode()
    refused(answer, "unknown_key", f"a key that is not trusted: {shown}.")


def test_a_key_that_was_revoked_or_has_expired_is_refused(staging: Service, production: Service) -> None:
    """The sentence says which, and since when."""
    data, other = export(staging), Ed25519PrivateKey.generate()
    until = to_datetime(NOW_MS + 1000).isoformat()
    pem = other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    trust(production, pem, "short", expires_at=until)
    production.core.clock.at_ms += 1000
    production.request("POST", "/v1/keys/1/revoke", Role.ADMIN, json={"reason": "it leaked"})

    refused(take(production, data), "revoked_key", "the key 'staging', revoked 2025-")
    refused(take(production, remade(data, other, lambda _: None)), "expired_key", f"'short', expired {until}")
    assert [each["state"] for each in production.get("/v1/keys").json()["items"]] == ["revoked", "expired"]


def test_an_altered_part_or_manifest_is_refused(staging: Service, production: Service) -> None:
    """The signature does not fit, or the digest of a part."""
    data = export(staging)
    opened = bundle.open_(data)
    signature = bundle._signature(opened.public_key, opened.signature)
    other_part = bundle._pack(
        opened.manifest, {"baseline.bin": opened.parts["baseline.bin"] + b"x"}, signature
    )
    other_manifest = bundle._pack(opened.manifest.replace(b"cart", b"till"), opened.parts, signature)

    refused(take(production, other_part), "altered", "parts of the sizes and digests that were signed")
    refused(take(production, other_manifest), "signature", "its signature does not fit")
    refused(take(production, data + b"x"), "altered", "the one archive that these members make")
    refused(take(production, b"PK"), "malformed", "expected a zip archive")
    assert production.get("/v1/baselines").json()["items"] == []
    assert production.get("/v1/workloads").json()["items"] == []


@pytest.mark.parametrize(
    ("change", "cause", "sentence"),
    [
        (
            {"arch": "aarch64"},
            "architecture",
            "of architecture 'aarch64'; this release knows the calls of x86_64",
        ),
        ({"syscall_table": "00"}, "syscall_table", "got 00 and 6"),
        ({"n": 5}, "syscall_table", "and 5"),
        ({"windows_learned": 61}, "snapshot", "speaks of 61 windows of x86_64; its baseline has 60"),
        ({"arch": 7}, "malformed", "baseline.arch"),
    ],
)
def test_a_bundle_that_does_not_fit_is_refused(
    staging: Service, production: Service, change: dict, cause: str, sentence: str
) -> None:
    """However well it is signed."""
    data = remade(export(staging), key_of(staging), lambda told: told["baseline"].update(change))

    refused(take(production, data), cause, sentence)
    assert production.get("/v1/workloads").json()["items"] == []


def test_windows_of_another_length_are_refused(staging: Service, tmp_path: Path, database: Database) -> None:
    """What a second holds says little of ten."""
    with serving(tmp_path, database, window_s=1) as other:
        trust(other, staging.get("/v1/keys/own", Role.ADMIN).json()["public_key"])

        answer = take(other, export(staging))

    refused(answer, "window_length", "from windows of 10 s; those of this service are 1 s long")


def test_the_same_bundle_is_taken_once(staging: Service, production: Service) -> None:
    """A pipeline that runs twice does not make two versions."""
    data = export(staging)
    first = take(production, data)

    again = take(production, data)

    assert first.status_code == 200
    assert (again.status_code, again.json()["type"]) == (409, "/problems/not-possible")
    assert "it is version 1, which is ready" in again.json()["detail"]


def test_a_baseline_that_cannot_rank_is_not_taken(
    production: Service, tmp_path: Path, database: Database
) -> None:
    """Nothing of it is left behind."""
    (tmp_path / "young").mkdir()
    with serving(tmp_path / "young", database) as young:
        young.learn(5)
        trust(production, young.get("/v1/keys/own", Role.ADMIN).json()["public_key"], "young")
        data = export(young)

    answer = take(production, data)

    assert answer.status_code == 409
    assert "5 windows; to be active it needs at least 30" in answer.json()["detail"]
    assert production.get("/v1/workloads").json()["items"] == []


def test_the_manifest_tells_where_a_baseline_comes_from(staging: Service) -> None:
    """Workload, images, architecture, table, windows, completeness, who exported it and when."""
    manifest = json.loads(bundle.open_(export(staging)).manifest)

    assert manifest["workload"]["name"] == "cart"
    assert manifest["baseline"]["n"] == 6
    assert manifest["images"] == {"registry.local/shop/cart:1.4": 60}
    assert manifest["report"]["completeness"]["windows"] == 60
    assert manifest["exported"]["by"] == "admin"
    assert manifest["quarantined_windows_left_out"] == 0


def test_only_admins_export_import_and_trust(staging: Service, production: Service) -> None:
    """Exports and keys are audited, and a reason is needed."""
    assert staging.get("/v1/baselines/1/bundle").status_code == 403
    assert take(production, b"", Role.READ).status_code == 403
    assert take(production, b"", reason="").status_code == 422
    assert production.request("POST", "/v1/keys", Role.READ, json={}).status_code == 403
    with production.core.store.read() as session:
        trail = session.scalars(select(AuditRow).where(AuditRow.action == "key.trust")).one()
    assert trail.detail["name"] == "staging"


@pytest.mark.parametrize("key", ["", "AAAA", "no base64!", "-----BEGIN PUBLIC KEY-----\nx"])
def test_what_is_no_key_is_one_sentence(production: Service, key: str) -> None:
    """It says what was expected."""
    wish = {"name": "x", "public_key": key, "reason": "x"}

    answer = production.request("POST", "/v1/keys", Role.ADMIN, json=wish)

    assert answer.status_code == 422
    assert "expected the 32 bytes of an Ed25519 public key" in answer.json()["detail"]


def test_the_own_key_is_made_once_and_for_its_owner_alone(production: Service) -> None:
    """0600, and the same the next time."""
    first = production.get("/v1/keys/own", Role.ADMIN).json()
    path = production.core.settings.state_dir / own.FILE

    assert first == production.get("/v1/keys/own", Role.ADMIN).json()
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.glob(f"{own.FILE}.*")) == []


def test_the_way_from_staging_to_production_at_a_terminal(
    staging: Service, production: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command of the story, with its exit code."""
    options = {}
    for name, service in (("staging", staging), ("production", production)):
        token = tmp_path / f"{name}-token"
        token.write_text(service.secrets[Role.ADMIN])
        options[name] = [f"--url={service.url}", f"--token-file={token}"]
    file, page = tmp_path / "cart.baseline", tmp_path / "report.html"

    def run(where: str, *arguments: str) -> int:
        return cli.main([*arguments, *options[where]])

    assert run("staging", "baseline", "report", "shop/cart/web", "--gate") == 1
    assert "should not be promoted yet" in capsys.readouterr().out
    asked = ("--gate", "--max-unseen", "1", f"--html={page}")
    assert run("staging", "baseline", "report", "shop/cart/web", *asked) == 0
    assert "<!DOCTYPE html>" in page.read_text()
    assert run("staging", "baseline", "export", "shop/cart/web", f"--out={file}") == 0
    assert run("production", "baseline", "import", str(file), "--promote", "--reason", "CHG-7") == 0
    capsys.readouterr()
    assert run("production", "baseline", "show", "shop/cart/web@1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["state"] == "active"
    assert run("production", "baseline", "history", "shop/cart/web") == 0
    assert "CHG-7" in capsys.readouterr().out
    assert run("production", "baseline", "list") == 0
    assert run("production", "baseline", "rollback", "shop/cart/web", "--reason", "x") == 1
    assert "has no stale version" in capsys.readouterr().err
    assert run("production", "baseline", "diff", "1", "1") == 0
    assert run("production", "keys", "list") == 0
    assert "staging" in capsys.readouterr().out
    assert run("production", "keys", "revoke", "staging", "--reason", "x") == 0
    assert run("production", "baseline", "import", str(file), "--reason", "CHG-7") == 1
    assert "revoked" in capsys.readouterr().err
