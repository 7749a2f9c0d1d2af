"""Which moves between states are legal. Pure."""

from collections.abc import Mapping
from typing import Final

from api.vocabulary import BaselineState

_S = BaselineState

LEGAL: Final[Mapping[BaselineState, frozenset[BaselineState]]] = {
    _S.LEARNING: frozenset({_S.READY, _S.STALE, _S.RETIRED}),
    # Back to `learning` where so many windows were unlearned that scores cannot be ranked any more.
    _S.READY: frozenset({_S.ACTIVE, _S.LEARNING, _S.STALE, _S.RETIRED}),
    _S.ACTIVE: frozenset({_S.STALE, _S.LEARNING}),
    _S.STALE: frozenset({_S.ACTIVE, _S.RETIRED}),
    _S.RETIRED: frozenset(),
}
"""From each state, those that may follow."""

_UPWARDS: Final = (_S.LEARNING, _S.READY, _S.ACTIVE)


def is_legal(before: BaselineState, after: BaselineState) -> bool:
    """Tell whether a version may move so.

    Examples:
        >>> is_legal(BaselineState.READY, BaselineState.ACTIVE)
        True
        >>> is_legal(BaselineState.LEARNING, BaselineState.ACTIVE)
        False
    """
    return after in LEGAL[before]


def way(before: BaselineState, after: BaselineState) -> list[BaselineState]:
    """Return the legal moves by which a live version comes from one state to another; none where it is there.

    Examples:
        >>> [each.value for each in way(BaselineState.LEARNING, BaselineState.ACTIVE)]
        ['ready', 'active']
        >>> [each.value for each in way(BaselineState.ACTIVE, BaselineState.LEARNING)]
        ['learning']
    """
    start, end = _UPWARDS.index(before), _UPWARDS.index(after)
    return list(_UPWARDS[start + 1 : end + 1]) if start < end else [after] if start > end else []
