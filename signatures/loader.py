"""Texts of rule files to rules: read, collected, written out, compiled, with every error and warning."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from signatures.collection import PLUGINS, Collection, RuleDefinition
from signatures.compiler import Condition, compile_condition, used_operands
from signatures.definitions import Item, RuleItem
from signatures.document import DocumentError, Node, read
from signatures.encoding import from_event_text, to_event_text
from signatures.errors import CompileError
from signatures.event_types import ALL, NONE, EventTypes, known_event_types
from signatures.expansion import Lists, Macros, Trees, with_exceptions
from signatures.fields import Fields, all_fields
from signatures.items import read_item
from signatures.output import Output, parse_output
from signatures.printer import to_text
from signatures.priority import Priority
from signatures.problems import ErrorCode, LoadError, Place, Problem, WarningCode
from signatures.ruleset import Rule
from signatures.syntax import Binary, Expression, Field, Value, Values, leaves

_NO_VALUE: Final = "<NA>"
_UNSAFE: Final = ("ka.", "jevt.")
_EQUALITIES: Final = ("==", "=", "!=", "in", "intersects", "pmatch")
_DEPRECATED: Final = (
    "evt.dir", "evt.latency", "evt.latency.s", "evt.latency.ns", "evt.latency.human", "evt.wait_latency",
)  # fmt: skip
_CONTAINER_INFO: Final = "%container.info"
_MANY_TYPES: Final = 100


LIBRARY_MARK: Final = "# nonself: library\n"
"""First line of a file whose macros and lists are there for the rules of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFile:
    """One file, given as text."""

    name: str
    text: str

    @property
    def is_library(self) -> bool:
        """Whether it only offers names: none warns unused, and none replaces what another file defines."""
        return self.text.startswith(LIBRARY_MARK)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtraOutput:
    """A text that is added to the outputs of some rules."""

    template: str
    source: str = ""
    """Only of rules of this source."""
    tags: frozenset[str] = frozenset()
    """Only of rules with all of these tags."""
    rule: str = ""
    """Only of this rule."""

    def applies_to(self, item: RuleItem) -> bool:
        """Tell whether a rule is meant."""
        return (
            self.source in ("", item.source)
            and self.tags <= set(item.tags or ())
            and self.rule in ("", item.name)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How files are loaded."""

    least_priority: Priority = Priority.DEBUG
    """Rules that are less urgent are left out."""
    extra_outputs: tuple[ExtraOutput, ...] = ()
    plugins: Mapping[str, str] = field(default_factory=lambda: PLUGINS)
    """Plugins by version that requirements are held against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What became of the files."""

    rules: tuple[Rule, ...]
    """In the order of first definition, without those skipped with a warning; none after an error."""
    problems: tuple[Problem, ...]
    """In the order in which they were met; nothing after the first error."""

    @property
    def ok(self) -> bool:
        """Tell whether there is no error."""
        return not any(problem.is_error for problem in self.problems)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Errors: one at most, since reading stops there."""
        return tuple(problem for problem in self.problems if problem.is_error)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Warnings."""
        return tuple(problem for problem in self.problems if not problem.is_error)


_DEFAULTS: Final = LoadOptions()


def load(
    files: Sequence[RuleFile], *, options: LoadOptions = _DEFAULTS, fields: Fields | None = None
) -> Loaded:
    r"""Load files in the order given; later ones may change what earlier ones define.

    Each file is compiled with those before it, so that an error is found in the file that brings it.
    What a file leaves as it was is not compiled again.

    Args:
        files: The files.
        options: See there.
        fields: What rules may name; all fields of the language by default.

    Examples:
        >>> text = "- rule: r\n  desc: d\n  condition: evt.type=open\n  output: o\n  priority: INFO\n"
        >>> loaded = load([RuleFile(name="r.yaml", text=text)])
        >>> loaded.ok, loaded.rules[0].name, loaded.rules[0].condition
        (True, 'r', 'evt.type = open')
    """
    problems: list[Problem] = []
    collection = Collection(all_fields() if fields is None else fields, options.plugins, problems.append)
    rules: tuple[Rule, ...] = ()
    unused: list[Problem] = []
    done = _Done()
    libraries = {file.name for file in files if file.is_library}
    for file in files:
        try:
            _collect(file, collection, problems)
            compilation = _Compilation(collection, options, fields, problems, done)
            rules = tuple(compilation.rules())
        except LoadError as error:
            problems.append(error.problem)
            return Loaded(rules=(), problems=_distinct([*problems, *unused]))
        except RecursionError:
            # Each condition is shallow enough; macros that stand in macros make a deep one of them.
            message = "A condition nests too deeply once its macros are written out."
            problems.append(Problem(ErrorCode.COMPILE_CONDITION, message, Place(file.name)))
            return Loaded(rules=(), problems=_distinct([*problems, *unused]))
        # What an earlier file defines and a later one uses is not unused: the last file's word counts.
        unused = [each for each in compilation.unused() if each.place.file not in libraries]
    return Loaded(rules=rules, problems=_distinct([*problems, *unused]))


def condition_warnings(expression: Expression) -> Iterator[tuple[WarningCode, str]]:
    """Yield what a condition's author may not have meant, which no compiler can tell."""
    for check in leaves(expression):
        if not isinstance(check, Binary) or not isinstance(check.left, Field):
            continue
        name = check.left.name
        texts = (
            (check.right.text,)
            if isinstance(check.right, Value)
            else check.right.texts
            if isinstance(check.right, Values)
            else ()
        )
        if name.startswith(_UNSAFE) and check.operator in _EQUALITIES and _NO_VALUE in texts:
            message = f"Comparing '{name}' with {_NO_VALUE} is unsafe; consider 'exists'."
            yield WarningCode.UNSAFE_NA_CHECK, message
    for each in used_operands(expression):
        if each.name in _DEPRECATED:
            message = f"usage of deprecated field '{each.name}' has been detected in the rule condition"
            yield WarningCode.DEPRECATED_ITEM, message


def _collect(file: RuleFile, collection: Collection, problems: list[Problem]) -> None:
    content = Place(file.name)
    try:
        documents = read(file.text)
    except DocumentError as error:
        place = Place(file.name, line=error.line, column=error.column)
        raise LoadError(ErrorCode.YAML_PARSE, str(error), place) from None
    try:
        for document in documents:
            for item in _items(document, content, problems):
                if not (file.is_library and collection.knows(item)):
                    collection.add(item)
    except RecursionError:
        raise LoadError(ErrorCode.YAML_VALIDATE, "The file refers to itself.", content) from None


def _items(document: Node, content: Place, problems: list[Problem]) -> Iterator[Item]:
    if not document.is_mapping and not document.is_sequence:
        raise LoadError(ErrorCode.YAML_VALIDATE, "Rules content is not yaml", content)
    if not document.is_sequence:
        raise LoadError(ErrorCode.YAML_VALIDATE, "Rules content is not yaml array of objects", content)
    for node in document.members():
        if not node.is_null:
            yield from read_item(node, content, problems.append)


@dataclass(frozen=True, slots=True)
class _Compiled:
    item: RuleItem
    shown: Output | None
    """None where the output alone kept the rule out; then nothing more was looked at."""
    expression: Expression | None
    rule: Rule | None


@dataclass(frozen=True, slots=True)
class _Done:
    """What was compiled after earlier files, by the rule's name; its warnings were told then."""

    trees: Trees = field(default_factory=Trees)
    rules: dict[str, _Compiled] = field(default_factory=dict)


class _Compilation:
    def __init__(
        self,
        collection: Collection,
        options: LoadOptions,
        fields: Fields | None,
        problems: list[Problem],
        done: _Done,
    ) -> None:
        self._collection = collection
        self._options = options
        self._fields = fields
        self._problems = problems
        self._done = done
        self._lists = Lists(collection.lists)
        self._macros = Macros(collection.macros, self._lists, done.trees)

    def rules(self) -> Iterator[Rule]:
        for definition in self._collection.rules.values():
            if definition.known_source and definition.item.priority is not None:
                rule = self._rule(definition)
                if rule is not None and rule.priority <= self._options.least_priority:
                    yield rule

    def unused(self) -> Iterator[Problem]:
        """Yield a warning for each macro and list that nothing refers to, once all rules are compiled."""
        for name, macro in self._collection.macros.items():
            if name not in self._macros.used:
                message = "Macro not referred to by any other rule/macro"
                yield Problem(WarningCode.UNUSED_MACRO, message, macro.item.place)
        for name, each in self._collection.lists.items():
            if name not in self._lists.used:
                message = "List not referred to by any other rule/macro"
                yield Problem(WarningCode.UNUSED_LIST, message, each.item.place)

    def _rule(self, definition: RuleDefinition) -> Rule | None:
        item = definition.item
        before = self._done.rules.get(item.name)
        if before is not None and before.item is not item:
            before = None
        written = with_exceptions(item)
        shown = self._output(item) if before is None else before.shown
        if shown is None:
            self._done.rules[item.name] = _Compiled(item, None, None, None)
            return None
        condition_place = item.condition_place or item.place
        condition = self._lists.expand(written, condition_place)
        expression = self._done.trees.of(condition, _named(condition_place, item))
        expression = self._macros.resolve(expression, condition, item.place)
        if before is not None and before.expression == expression:
            return before.rule
        rule = self._compile(item, shown, expression, condition)
        self._done.rules[item.name] = _Compiled(item, shown, expression, rule)
        return rule

    def _compile(self, item: RuleItem, shown: Output, expression: Expression, condition: str) -> Rule | None:
        place = item.place
        for code, message in condition_warnings(expression):
            self._warn(code, message, place)
        compiled = self._condition(item, expression, condition)
        if compiled is None:
            return None
        if _is_broad(compiled.types) and item.warn_evttypes:
            message = "Rule matches too many evt.type values. This has a significant performance penalty."
            self._warn(WarningCode.NO_EVTTYPE, message, place)
        return Rule(
            name=item.name,
            desc=item.desc or "",
            priority=item.priority or Priority.DEBUG,
            tags=tuple(sorted(set(item.tags or ()))),
            source=item.source or "",
            enabled=bool(item.enabled),
            condition=from_event_text(to_text(expression)),
            written_condition=item.condition or "",
            output=self._template(item),
            place=place,
            expression=expression,
            holds=compiled.holds,
            shown=shown,
            types=compiled.types,
            keys=compiled.keys,
            capture=bool(item.capture),
            capture_duration=item.capture_duration or 0,
        )

    def _template(self, item: RuleItem) -> str:
        template = item.output or ""
        for extra in self._options.extra_outputs:
            if extra.applies_to(item):
                template = f"{template} {extra.template}"
        return template.replace(_CONTAINER_INFO, "")

    def _output(self, item: RuleItem) -> Output | None:
        template, place = self._template(item), item.output_place or item.place
        if _CONTAINER_INFO in (item.output or ""):
            message = f"{_CONTAINER_INFO} is deprecated and no more useful."
            self._warn(WarningCode.DEPRECATED_ITEM, message, item.place)
        try:
            shown = parse_output("*" + to_event_text(template), self._fields)
        except CompileError as error:
            if error.unknown and item.skip_if_unknown:
                self._warn(WarningCode.UNKNOWN_FILTER, str(error), place)
                return None
            raise LoadError(ErrorCode.COMPILE_OUTPUT, str(error), place) from None
        for name in _DEPRECATED:
            if name in shown.asked:
                message = f"usage of deprecated field '{name}' has been detected in the rule output"
                self._warn(WarningCode.DEPRECATED_ITEM, message, place)
        return shown

    def _condition(self, item: RuleItem, expression: Expression, condition: str) -> Condition | None:
        place = item.condition_place or item.place
        try:
            compiled = compile_condition(expression, self._fields)
        except CompileError as error:
            where = place.in_condition(condition, error.position.index)
            if error.unknown and item.skip_if_unknown:
                self._warn(WarningCode.UNKNOWN_FILTER, str(error), where)
                return None
            raise LoadError(ErrorCode.COMPILE_CONDITION, str(error), where) from None
        for warned in compiled.warnings:
            where = place.in_condition(condition, warned.position.index)
            self._warn(WarningCode.COMPILE_CONDITION, warned.message, where)
        return compiled

    def _warn(self, code: WarningCode, message: str, place: Place) -> None:
        self._problems.append(Problem(code, message, place))


def _is_broad(types: EventTypes) -> bool:
    if types == NONE:
        return False
    return types == ALL or len(types.resolved(known_event_types())) > _MANY_TYPES


def _named(place: Place, item: RuleItem) -> Place:
    return Place(place.file, "rule", item.name, place.line, place.column, place.snippet)


def _distinct(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Return problems without those that compiling a later file met once more."""
    return tuple(dict.fromkeys(problems))
