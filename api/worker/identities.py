"""Whose a container is: its workload under any key that it was learned by, or a new one (ADR 0073)."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit import record
from api.db.tables import ContainerRow, WorkloadAliasRow, WorkloadRow
from api.owners import Owner, OwnerOf
from api.settings import ServiceSettings
from api.worker import repository
from api.workloads.identity import Source, WorkloadKey, earlier_keys, identify, identify_host
from wire.profile import ContainerRef

_ACTOR: Final = "service"


class Identities:
    """The workloads that one transaction touches.

    Args:
        session: The transaction.
        settings: The service's.
        now_ms: Its time.
        owner_of: Says what the Kubernetes API knows of a container's pod; must not wait.
    """

    def __init__(self, session: Session, settings: ServiceSettings, now_ms: int, owner_of: OwnerOf) -> None:
        self._session = session
        self._settings = settings
        self._now_ms = now_ms
        self._owner_of = owner_of
        self._known: dict[WorkloadKey, WorkloadRow] = {}

    def prefetch(self, containers: Collection[ContainerRow]) -> None:
        """Read the workloads of known containers in two statements."""
        ids = {row.workload_id for row in containers if row.workload_id is not None}
        found = repository.find_workloads(self._session, ids)
        by_id = {row.id: row for row in found.values()}
        for alias in self._session.scalars(
            select(WorkloadAliasRow).where(WorkloadAliasRow.workload_id.in_(ids))
        ):
            if alias.workload_id is not None:
                self._known[repository.key_of(alias)] = by_id[alias.workload_id]
        self._known |= found

    def workload_of(self, ref: ContainerRef, container: ContainerRow, node: str) -> WorkloadRow:
        """Return the workload of a container, a new one where there is none, and write it into its row."""
        cluster, owner = self._settings.cluster, self._owner_of(ref)
        key, source = identify(ref, cluster, node=node, owner=owner)
        if owner is None and (kept := self._kept(container, source)):
            return kept
        row = self._find(key)
        if row is None:
            row = self._adopt(key, earlier_keys(ref, cluster, node=node, owner=owner), source)
        if row is None:
            row = repository.add_workload(
                self._session, key, source, self._settings.default_mode, self._now_ms
            )
        self._known[key] = row
        if owner and (row.owner_kind is None or container.workload_id != row.id):
            self._describe(row, owner)
            self._link(identify(ref, cluster, node=node)[0], row)
        container.workload_id = row.id
        return row

    def host(self, node: str) -> WorkloadRow:
        """Return the workload that stands for a node outside its containers."""
        key, source = identify_host(node, self._settings.cluster)
        row = self._find(key)
        if row is None:
            row = repository.add_workload(
                self._session, key, source, self._settings.default_mode, self._now_ms
            )
        self._known[key] = row
        return row

    def _kept(self, container: ContainerRow, source: Source) -> WorkloadRow | None:
        """Return the workload that a container has already, where less is known of it now than was then."""
        if container.workload_id is None:
            return None
        row = self._session.get_one(WorkloadRow, container.workload_id)
        return row if source is Source.NONE or row.identity_source == Source.OWNER.value else None

    def _find(self, key: WorkloadKey) -> WorkloadRow | None:
        if found := self._known.get(key) or repository.find_workload(self._session, key):
            return found
        alias = repository.find_alias(self._session, key)
        if alias is None or alias.workload_id is None:
            return None
        return self._session.get_one(WorkloadRow, alias.workload_id)

    def _adopt(
        self, key: WorkloadKey, earlier: Collection[WorkloadKey], source: Source
    ) -> WorkloadRow | None:
        """Let a workload that was learned under an earlier key go on under this one, once."""
        for each in earlier:
            row = repository.find_workload(self._session, each)
            if row is None or row.adopted:
                continue
            row.adopted, row.identity_source = True, source.value
            self._add_alias(key, row)
            detail = {"from": _spelled(each), "to": _spelled(key), "reason": f"Told by {source.value}."}
            record(
                self._session,
                now_ms=self._now_ms,
                actor=_ACTOR,
                action="workload.identity",
                target=str(row.id),
                detail=detail,
            )
            return row
        return None

    def _describe(self, row: WorkloadRow, owner: Owner) -> None:
        row.owner_kind, row.owner_name = owner.kind, owner.name
        if owner.role:
            row.role = owner.role.value

    def _link(self, key: WorkloadKey, row: WorkloadRow) -> None:
        """Remember what a workload is called while nobody can ask the cluster, unless several are."""
        if repository.find_workload(self._session, key):
            return
        alias = repository.find_alias(self._session, key)
        if alias is None:
            self._add_alias(key, row)
        elif alias.workload_id not in {row.id, None}:
            alias.workload_id = None
            self._known.pop(key, None)

    def _add_alias(self, key: WorkloadKey, row: WorkloadRow) -> None:
        self._session.add(WorkloadAliasRow(**asdict(key), workload_id=row.id, created_at=self._now_ms))
        self._session.flush()


def _spelled(key: WorkloadKey) -> str:
    parts = (key.cluster, key.namespace, key.name, key.container)
    return f"{key.kind}:" + "/".join(each for each in parts if each)
