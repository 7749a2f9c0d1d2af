"""What a service would have raised, for programs."""

from api.connection import Connection
from api.what_if.carried import CarriedOut
from api.what_if.rule_schemas import RulesWhatIfIn, RulesWhatIfOut
from api.what_if.schemas import WhatIfIn, WhatIfOut


class WhatIf:
    """Other budgets and other rules on what is stored; nothing is changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def budget(self, workload: int, wish: WhatIfIn) -> WhatIfOut:
        """Return which alerts a budget would have raised.

        Raises:
            MissingError: There is none of this id.
        """
        return self._connection.post(WhatIfOut, f"/v1/workloads/{workload}/what-if", wish)

    def rules(self, wish: RulesWhatIfIn) -> RulesWhatIfOut:
        """Return what other rules would raise of stored matches.

        Raises:
            NotUnderstoodError: The rules do not load.
        """
        return self._connection.post(RulesWhatIfOut, "/v1/rules/what-if", wish)

    def snapshot(self, workload: int) -> CarriedOut:
        """Return what was learned as it is stored, to judge recordings elsewhere.

        Raises:
            ClashError: Nothing was learned yet.
        """
        return self._connection.get(CarriedOut, f"/v1/workloads/{workload}/baseline/snapshot")
