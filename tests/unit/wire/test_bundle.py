"""The bundle of rules: whole or not at all, and one answer to whether a rule is on."""

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from tests.contract.test_wire_rules_golden import BUNDLE
from tests.strategies import bundles
from wire.bundle import (
    By,
    RuleBundle,
    Scope,
    Selection,
    decode_bundle,
    encode_bundle,
    is_enabled,
    is_enabled_anywhere,
    wildcard,
)
from wire.errors import FieldError, MalformedError, VersionError

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "falco" / "filter_misc.json"


@given(bundles())
def test_a_bundle_arrives_as_it_was_made(bundle: RuleBundle) -> None:
    """Decoding what was encoded gives an equal bundle of the same digest."""
    again = decode_bundle(encode_bundle(bundle))

    assert (again, again.digest) == (bundle, bundle.digest)


def test_a_changed_bundle_is_refused() -> None:
    """Text that does not fit the digest never reaches the engine."""
    body = encode_bundle(BUNDLE).replace(b"bash", b"dash")

    with pytest.raises(MalformedError, match="changed on the way"):
        decode_bundle(body)


def test_a_bundle_of_a_newer_release_is_refused() -> None:
    """Its version is named."""
    plain = json.loads(encode_bundle(BUNDLE)) | {"schema_version": 9}

    with pytest.raises(VersionError, match="9"):
        decode_bundle(json.dumps(plain).encode())


def test_a_selection_has_one_scope() -> None:
    """A namespace and a workload at once are refused."""
    plain = json.loads(encode_bundle(BUNDLE))
    plain["selections"][0] |= {"namespace": "shop", "workload": 3}

    with pytest.raises(FieldError, match="a namespace or a workload"):
        decode_bundle(json.dumps(plain).encode())


def off(pattern: str, by: By = By.RULE, **scope: object) -> Selection:
    """Return a selection that switches off."""
    return Selection(enable=False, by=by, pattern=pattern, scope=Scope(**scope))  # type: ignore[arg-type]


def on(pattern: str, by: By = By.RULE, **scope: object) -> Selection:
    """Return a selection that switches on."""
    return Selection(enable=True, by=by, pattern=pattern, scope=Scope(**scope))  # type: ignore[arg-type]


def test_the_newest_of_one_scope_decides() -> None:
    """What was said last holds."""
    assert is_enabled([off("a"), on("*")], "a", [])
    assert not is_enabled([on("*"), off("t", By.TAG)], "a", ["t"])


def test_the_narrowest_scope_decides() -> None:
    """A workload's selection wins over its namespace's, and that over the general one, whatever is newer."""
    selections = [on("a", workload=3), off("a", namespace="shop"), on("a")]

    assert is_enabled(selections, "a", [])
    assert not is_enabled(selections, "a", [], namespace="shop", workload=4)
    assert is_enabled(selections, "a", [], namespace="shop", workload=3)


def test_a_rule_of_which_nothing_is_said_follows_its_file() -> None:
    """Without a selection that fits, the rule's own `enabled` holds."""
    assert not is_enabled([on("b")], "a", [], default=False)
    assert is_enabled([off("b")], "a", [], default=True)


def test_a_node_evaluates_what_is_on_somewhere() -> None:
    """A rule that is off in general and on for one workload has to be evaluated."""
    assert is_enabled_anywhere([off("a"), on("a", workload=3)], "a", [])
    assert is_enabled_anywhere([on("a", namespace="shop")], "a", [], default=False)
    assert not is_enabled_anywhere([on("a", workload=3), off("a", workload=3)], "a", [], default=False)


@given(st.text("ab*", max_size=8), st.text("ab", max_size=8))
def test_a_wildcard_fits_as_its_definition_says(pattern: str, text: str) -> None:
    """Each `*` takes some part of the text, decided here by trying all of them."""

    def fits(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return any(fits(pattern[1:], text[at:]) for at in range(len(text) + 1))
        return bool(text) and text[0] == pattern[0] and fits(pattern[1:], text[1:])

    assert wildcard(pattern, text) == fits(pattern, text)


@pytest.mark.skipif(not VECTORS.exists(), reason="needs the vectors beside the checkout")
def test_wildcards_fit_as_upstream_says() -> None:
    """Falco's own cases of rule-name wildcards come out the same."""
    cases = json.loads(VECTORS.read_text())["rule_name_wildcard"]

    assert cases
    assert [wildcard(each["pattern"], each["string"]) for each in cases] == [each["match"] for each in cases]
