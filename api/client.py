"""A typed client of the REST interface: each resource by name, in the service's models (docs/client.md)."""

from api.alerts.client import Alerts
from api.audit_log.client import AuditLog
from api.baselines.client import Baselines
from api.channels.client import Channels
from api.connection import Connection
from api.enrolment.client import Enrolment
from api.keys.client import Keys
from api.matches.client import Matches
from api.nodes.client import Nodes
from api.retention.client import Retention
from api.rules.client import Rules
from api.scores.client import Scores
from api.seccomp.client import Seccomp
from api.suppressions.client import Suppressions
from api.token_admin.client import Tokens
from api.troubles.client import Troubles
from api.upgrades.client import Upgrades
from api.what_if.client import WhatIf
from api.workloads.client import Workloads


class Client:
    """All resources of one service.

    Args:
        connection: To the service, with a token whose role and limits say what may be asked.
    """

    def __init__(self, connection: Connection) -> None:
        self.alerts = Alerts(connection)
        self.audit_log = AuditLog(connection)
        self.baselines = Baselines(connection)
        self.channels = Channels(connection)
        self.enrolment = Enrolment(connection)
        self.keys = Keys(connection)
        self.matches = Matches(connection)
        self.nodes = Nodes(connection)
        self.retention = Retention(connection)
        self.rules = Rules(connection)
        self.scores = Scores(connection)
        self.seccomp = Seccomp(connection)
        self.suppressions = Suppressions(connection)
        self.tokens = Tokens(connection)
        self.troubles = Troubles(connection)
        self.upgrades = Upgrades(connection)
        self.what_if = WhatIf(connection)
        self.workloads = Workloads(connection)
