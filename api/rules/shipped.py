"""The rules that come with a release: a new service begins with them, and they are renewed until changed."""

from importlib.metadata import version
from importlib.resources import files
from typing import Final

from sqlalchemy.orm import Session

from api.rules import repository, versions
from wire.bundle import RuleFile

_ACTOR: Final = "nonself"


def read_shipped() -> list[RuleFile]:
    """Return the files that were installed with this release, in the order of their names."""
    folder = files("signatures") / "rules"
    if not folder.is_dir():
        return []
    found = [each for each in folder.iterdir() if each.name.endswith((".yaml", ".yml"))]
    return [
        RuleFile(name=each.name, text=each.read_text(encoding="utf-8"))
        for each in sorted(found, key=lambda one: one.name)
    ]


def seed(session: Session, shipped: list[RuleFile], now_ms: int) -> None:
    """Make the shipped rules the active ones where there are none, or only those of another release.

    Rules of which somebody uploaded a part stay as they are.

    Raises:
        RulesError: They do not load; no release does that.
    """
    active = repository.find_active(session)
    if not shipped or (active is not None and not active.shipped):
        return
    comment = f"The rules of nonself {version('nonself')}."
    versions.store(
        session, versions.check(shipped), now_ms=now_ms, actor=_ACTOR, comment=comment, shipped=True
    )
