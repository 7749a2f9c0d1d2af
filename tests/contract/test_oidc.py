"""Tokens of an OpenID Connect issuer: who is let in by them, as what, and which are refused."""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from api.errors import IssuerError, SettingError
from api.oidc.issuer import ForgedError, Issuer
from api.oidc.keys import FRESH_S, PAUSE_S, Keys
from api.oidc.settings import read
from api.settings import ServiceSettings
from api.tokens.service import Role
from tests.issuer import AUDIENCE, LocalIssuer, SigningKey, claims_of, forged, issuing
from tests.service import NOW_MS, FakeClock, Service, a_container


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    """A real issuer on this host."""
    with issuing() as running:
        yield running


@pytest.fixture
def trusting(issuer: LocalIssuer, open_service: Callable[..., Service]) -> Service:
    """A service that believes it."""
    return open_service(oidc_issuer=issuer.url, oidc_audience=AUDIENCE)


def ask(
    service: Service, token: str, method: str = "GET", path: str = "/v1/alerts", **more: Any
) -> httpx.Response:
    """Ask with a token."""
    return service.http.request(method, path, headers={"Authorization": f"Bearer {token}"}, **more)


@pytest.mark.parametrize(
    ("roles", "may_read", "may_change"),
    [
        (["nonself-read"], 200, 403),
        (["nonself-triage"], 200, 403),
        ("openid nonself-admin", 200, 422),
        (["nonself-read", "nonself-admin", "cook"], 200, 422),
        (["cook"], 403, 403),
        ([], 403, 403),
        (None, 403, 403),
        ({"nonself-admin": True}, 403, 403),
    ],
)
def test_a_claim_gives_the_role(
    trusting: Service, issuer: LocalIssuer, roles: object, may_read: int, may_change: int
) -> None:
    """Of several roles the one that may most; without one nothing, though the token is good."""
    token = issuer.token(roles=roles)

    assert ask(trusting, token).status_code == may_read
    assert ask(trusting, token, "POST", "/v1/tokens", json={}).status_code == may_change


def test_the_audit_log_names_the_person(trusting: Service, issuer: LocalIssuer) -> None:
    """By a name that no token of ours can have."""
    trusting.learn(1)
    wish = {"mode": "enforcement-alert", "reason": "quiet"}
    token = issuer.token(roles=["nonself-admin"])

    assert ask(trusting, token, "PUT", "/v1/workloads/1/mode", json=wish).status_code == 200
    (entry,) = trusting.get("/v1/audit", action="workload.mode").json()["items"]
    assert entry["actor"] == "oidc:alice"


WHY_NOT: Final = {
    "no signature": "alg value is not allowed",
    "no signature, other case": "alg value is not allowed",
    "the public key as a shared secret": "alg value is not allowed",
    "the public key's DER text as a secret": "alg value is not allowed",
    "another key of the same id": "signature verification failed",
    "a key that the issuer does not have": "none of the issuer's",
    "another algorithm than the key's": "alg value is not allowed",
    "claims of another token": "signature verification failed",
    "a signature cut off": "signature verification failed",
    "another issuer": "invalid issuer",
    "another audience": "audience doesn't match",
    "several audiences, none ours": "audience doesn't match",
    "no audience": '"aud" claim',
    "no end": '"exp" claim',
    "an end that is no number": "times are no numbers",
    "no JSON": "cannot be read",
    "nothing": "cannot be read",
    "an extension": "cannot be read",
    "a key of its own": "none of the issuer's",
}
"""What the service says of each token of `bad_tokens`."""


def bad_tokens(issuer: LocalIssuer) -> dict[str, str]:
    """Return tokens that somebody could try, by what is wrong with them."""
    good, stranger = issuer.token(), SigningKey("first")
    claims, key = claims_of(good), issuer.keys[0]
    head, body, signature = good.split(".")
    admin = issuer.token(roles=["nonself-admin"], key=SigningKey("else")).split(".")[1]
    return {
        "no signature": forged({"alg": "none", "kid": "first"}, claims, None),
        "no signature, other case": forged({"alg": "nOnE", "kid": "first"}, claims, None),
        "the public key as a shared secret": forged({"alg": "HS256", "kid": "first"}, claims, key.pem()),
        "the public key's DER text as a secret": forged(
            {"alg": "HS256", "kid": "first"}, claims, key.jwk()["n"].encode()
        ),
        "another key of the same id": issuer.token(key=stranger),
        "a key that the issuer does not have": issuer.token(key=SigningKey("second")),
        "another algorithm than the key's": jwt_of(issuer, "RS512"),
        "claims of another token": f"{head}.{admin}.{signature}",
        "a signature cut off": f"{head}.{body}.",
        "another issuer": issuer.token(iss="https://id.example"),
        "another audience": issuer.token(aud="grafana"),
        "several audiences, none ours": issuer.token(aud=["grafana", "vault"]),
        "no audience": issuer.token(aud=None),
        "no end": issuer.token(exp=None),
        "an end that is no number": issuer.token(exp="x"),
        "no JSON": "a.b.c",
        "nothing": "..",
        "an extension": forged({"alg": "RS256", "kid": "first", "crit": ["exp"]}, claims, b""),
        "a key of its own": forged({"alg": "RS256", "jwk": stranger.jwk(), "kid": "mine"}, claims, b""),
    }


def jwt_of(issuer: LocalIssuer, algorithm: str) -> str:
    """Return a token that the right key signed in another way than it is for."""
    key = issuer.keys[0]
    other = SigningKey("first")
    other.private, other.algorithm = key.private, algorithm
    return issuer.token(key=other)


def test_no_forged_token_is_let_in(trusting: Service, issuer: LocalIssuer) -> None:
    """Whatever is wrong with one: 401, and it counts as a guess."""
    for wrong, token in bad_tokens(issuer).items():
        trusting.core.guard.failures.__init__()  # type: ignore[misc] # each is the first of its address
        answer = ask(trusting, token)
        assert answer.status_code == 401, wrong
        assert answer.json()["type"] == "/problems/unauthenticated"
        assert WHY_NOT[wrong] in answer.json()["detail"], wrong

    assert ask(trusting, issuer.token()).status_code == 200


def _segment(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


SEGMENTS: Final = st.one_of(
    st.text(max_size=20),
    st.binary(max_size=40).map(_segment),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["alg", "kid", "typ", "crit", "exp", "iss", "x"]), inner, max_size=4
            )
        ),
        max_leaves=8,
    ).map(lambda value: _segment(json.dumps(value).encode())),
    st.sampled_from([b"[" * 9000, b'{"a":' * 2000, b'{"exp":1e999}', b'{"alg":"RS256","kid":"first"}']).map(
        _segment
    ),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(SEGMENTS, SEGMENTS, SEGMENTS).map(".".join))
def test_whatever_comes_as_a_token_is_refused(issuer: LocalIssuer, token: str) -> None:
    """Text of any kind: it is a forgery, and no mistake of ours."""
    check, _ = checking(issuer)

    with pytest.raises(ForgedError):
        check.identify(token, NOW_MS)


def test_an_end_beyond_all_time_is_none(issuer: LocalIssuer) -> None:
    """Also where the issuer signed it."""
    check, _ = checking(issuer)

    for end in (float("inf"), float("nan"), 10**400, True):
        with pytest.raises(ForgedError, match="times are no numbers"):
            check.identify(issuer.token(exp=end), NOW_MS)


def test_forged_tokens_are_slowed_down(trusting: Service, issuer: LocalIssuer) -> None:
    """As guesses of our own tokens are."""
    forgery = issuer.token(aud="grafana")

    assert [ask(trusting, forgery).status_code for _ in range(11)] == [401] * 10 + [429]


def test_a_token_lasts_as_long_as_it_says(trusting: Service, issuer: LocalIssuer) -> None:
    """With a minute for clocks that differ; out of date is no forgery, and is told."""
    token = issuer.token(nbf=NOW_MS // 1000)
    clock = trusting.core.clock
    assert isinstance(clock, FakeClock)
    seen = []
    for at_s in (-61, -60, 0, 359, 360):
        clock.at_ms = NOW_MS + at_s * 1000
        seen.append(ask(trusting, token).status_code)

    assert seen == [401, 200, 200, 200, 401]
    assert ask(trusting, token).json()["detail"] == "The token of the issuer has expired."


def test_our_own_tokens_need_no_issuer(trusting: Service, issuer: LocalIssuer) -> None:
    """An issuer that is down keeps out only those whose keys were never seen."""
    issuer.broken = True

    assert trusting.get("/v1/alerts").status_code == 200
    answer = ask(trusting, issuer.token())
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/issuer-unavailable")
    assert answer.headers["Retry-After"] == "10"


def test_namespaces_of_a_claim_limit_what_is_seen(
    issuer: LocalIssuer, open_service: Callable[..., Service]
) -> None:
    """As of a token of ours; a bearer without any sees nothing, one of `*` everything."""
    service = open_service(
        oidc_issuer=issuer.url, oidc_audience=AUDIENCE, oidc_namespace_claim="nonself.namespaces"
    )
    service.learn(1)
    service.learn(1, container=a_container(id="b" * 64, namespace="bank"))

    def seen(claim: object) -> list[str] | int:
        answer = ask(service, issuer.token(nonself=claim), path="/v1/workloads")
        if answer.status_code != 200:
            return answer.status_code
        return [each["namespace"] for each in answer.json()["items"]]

    assert seen({"namespaces": ["bank"]}) == ["bank"]
    assert seen({"namespaces": ["*"]}) == ["shop", "bank"]
    assert seen({"namespaces": ["none"]}) == []
    assert seen({"namespaces": []}) == 403
    assert seen(None) == 403


def test_without_an_issuer_no_foreign_token_is_good(service: Service, issuer: LocalIssuer) -> None:
    """A JWT is then as unknown as any other text."""
    answer = ask(service, issuer.token())

    assert (answer.status_code, issuer.fetches) == (401, 0)


class Seconds:
    """A clock that goes forward when told to."""

    at = 100.0

    def __call__(self) -> float:
        return self.at


def checking(issuer: LocalIssuer, **changes: Any) -> tuple[Issuer, Seconds]:
    """Return what checks tokens of an issuer, and its clock."""
    given = {"oidc_issuer": issuer.url, "oidc_audience": AUDIENCE} | changes
    trusted = read(ServiceSettings(**given))
    assert trusted is not None
    seconds = Seconds()
    return Issuer(trusted, Keys(issuer.url, seconds=seconds)), seconds


def test_keys_are_kept_and_rotated(issuer: LocalIssuer) -> None:
    """One fetch serves many tokens; a new key is fetched when first met; a withdrawn one ends in time."""
    check, seconds = checking(issuer)
    for _ in range(20):
        check.identify(issuer.token(), NOW_MS)
    assert issuer.fetches == 1

    old = issuer.keys[0]
    issuer.keys = [SigningKey("second", "EC")]
    seconds.at += PAUSE_S
    assert check.identify(issuer.token(), NOW_MS).name == "oidc:alice"
    assert issuer.fetches == 2
    with pytest.raises(ForgedError):
        check.identify(issuer.token(key=old), NOW_MS)


def test_a_withdrawn_key_is_good_for_ten_minutes_at_most(issuer: LocalIssuer) -> None:
    """Also where nobody brings a token of the new one."""
    check, seconds = checking(issuer)
    old = issuer.keys[0]
    check.identify(issuer.token(), NOW_MS)
    issuer.keys = [SigningKey("second")]

    check.identify(issuer.token(key=old), NOW_MS)
    seconds.at += FRESH_S
    with pytest.raises(ForgedError):
        check.identify(issuer.token(key=old), NOW_MS)


def test_made_up_key_ids_do_not_flood_the_issuer(issuer: LocalIssuer) -> None:
    """It is asked at most once in ten seconds."""
    check, seconds = checking(issuer)
    check.identify(issuer.token(), NOW_MS)
    for each in range(20):
        with pytest.raises(ForgedError):
            check.identify(
                forged({"alg": "RS256", "kid": f"k{each}"}, claims_of(issuer.token()), b""), NOW_MS
            )
        seconds.at += 1

    assert issuer.fetches <= 3


def test_known_keys_outlive_an_outage_of_the_issuer(issuer: LocalIssuer) -> None:
    """Who was let in before still is; what needs a new key has to wait."""
    check, seconds = checking(issuer)
    check.identify(issuer.token(), NOW_MS)
    issuer.broken = True
    seconds.at += 2 * FRESH_S

    assert check.identify(issuer.token(), NOW_MS).role is Role.READ
    with pytest.raises(IssuerError, match="gives no keys"):
        check.identify(issuer.token(key=SigningKey("second")), NOW_MS)


def test_an_issuer_that_calls_itself_otherwise_is_not_believed(issuer: LocalIssuer) -> None:
    """A discovery document of somebody else brings no keys."""
    check, _ = checking(issuer)
    issuer.claims_to_be = "https://id.example"

    with pytest.raises(IssuerError, match="calls itself 'https://id\\.example'"):
        check.identify(issuer.token(), NOW_MS)


def test_roles_of_nested_claims_are_found(issuer: LocalIssuer) -> None:
    """As Keycloak has them."""
    check, _ = checking(issuer, oidc_role_claim="realm_access.roles", oidc_roles="soc=triage, ops=admin")
    token = issuer.token(realm_access={"roles": ["soc", "ops"]}, preferred_username=None)

    assert check.identify(token, NOW_MS).role is Role.ADMIN
    assert check.identify(token, NOW_MS).name == "oidc:6f1c"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"oidc_issuer": "http://id.example"}, "oidc_issuer: expected an https:// address"),
        ({"oidc_audience": ""}, "oidc_audience: expected whom tokens of the issuer are for"),
        ({"oidc_roles": "soc=ingest"}, "oidc_roles: expected WORD=ROLE of roles read, triage and admin"),
        ({"oidc_roles": ""}, "oidc_roles: expected at least one WORD=ROLE"),
    ],
)
def test_settings_that_cannot_be_are_one_sentence(changes: dict[str, str], said: str) -> None:
    """Before anything is served."""
    given = {"oidc_issuer": "https://id.example", "oidc_audience": AUDIENCE} | changes

    with pytest.raises(SettingError, match=said):
        read(ServiceSettings(**given))  # type: ignore[arg-type] # all of them texts
