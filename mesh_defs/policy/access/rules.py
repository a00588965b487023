"""Access policies as people write them: Cedar text, policy by policy, with the lines they stand on.

Cedar's parser tells no lines, so the text is cut into policies first, and each is parsed alone.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mesh_defs.faults import Fault, did_you_mean
from mesh_defs.policy.access.schema import (
    ACTIONS,
    CONTEXT,
    FILE,
    PRINCIPAL_ATTRIBUTES,
    PRINCIPALS,
    RESOURCES,
    SCHEMAS,
    cedar_schema,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import cedarpy

# From the one that shows most to the one that shows nothing.
Mask = Literal["partial", "generalised", "hash", "null"]
MASKS: tuple[Mask, ...] = ("partial", "generalised", "hash", "null")
ANNOTATIONS = ("id", "mask", "rows", "to")
UNITS = ("day", "month", "quarter", "year", "decade")

_TOKEN = re.compile(r"`([^`]+)`")
_SENTENCE = re.compile(r"^for policy `[^`]*`, ")
_MAX_CHARACTERS = 500_000


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy of a file. ``line`` is the one it begins on; ``json`` is Cedar's JSON form."""

    file: str
    line: int
    text: str
    effect: Literal["permit", "forbid"]
    annotations: Mapping[str, str]
    json: Mapping[str, Any]

    @property
    def place(self) -> str:
        """``<file>:<line>``, which is also the policy's id for Cedar."""
        return f"{self.file}:{self.line}"

    @property
    def name(self) -> str | None:
        """Its ``@id``."""
        return self.annotations.get("id")

    @property
    def mask(self) -> Mask | None:
        """Its ``@mask``; None when what it permits is seen in clear."""
        text = self.annotations.get("mask")
        return None if text is None else next((mask for mask in MASKS if mask == text), "null")

    def __str__(self) -> str:
        return f"{self.name} ({self.place})" if self.name else self.place

    def line_of(self, text: str) -> int:
        """The line on which ``text`` stands, the policy's first when it does not."""
        return _line_of(self.text, self.line, text)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file of policies. While it has ``faults``, none of its policies is evaluated."""

    file: str
    rules: tuple[Rule, ...] = ()
    faults: tuple[Fault, ...] = field(default=())


def parse_rules(text: str, file: str) -> RuleFile:
    """The policies of ``text``, validated against the schema; every fault of every policy."""
    if len(text) > _MAX_CHARACTERS:
        found = f"{len(text)} characters"
        fault = Fault(file, 0, "", found, f"up to {_MAX_CHARACTERS}", "split or shorten the file")
        return RuleFile(file, faults=(fault,))
    import cedarpy

    schema = cedarpy.Schema.from_str(cedar_schema())
    rules: list[Rule] = []
    faults: list[Fault] = []
    for line, statement in statements(text):
        made = _rule(statement, file, line)
        if isinstance(made, Fault):
            faults.append(made)
            continue
        rules.append(made)
        faults += [*_annotation_faults(made), *_schema_faults(made, schema)]
    faults += _doubles(rules)
    return RuleFile(file, tuple(rules), tuple(sorted(set(faults))))


def statements(text: str) -> Iterator[tuple[int, str]]:
    """The policies in ``text``, each with the line that it begins on. Semicolons in comments and in
    texts end nothing."""
    start = at = 0
    begun = False
    while at < len(text):
        character = text[at]
        if text.startswith("//", at):
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
            continue
        if not begun and not character.isspace():
            begun, start = True, at
        if character == '"':
            at = _after_string(text, at)
            continue
        at += 1
        if begun and character == ";":
            yield text.count("\n", 0, start) + 1, text[start:at]
            begun = False
    if begun:
        yield text.count("\n", 0, start) + 1, text[start:]


def _after_string(text: str, at: int) -> int:
    at += 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return at + 1


def _rule(statement: str, file: str, line: int) -> Rule | Fault:
    import cedarpy

    try:
        parsed = json.loads(cedarpy.policies_to_json_str(statement))
    except ValueError as error:
        said = next(iter(str(error).strip().splitlines()), "no policy")
        token = _TOKEN.search(said)
        where = _line_of(statement, line, token[1]) if token else line
        allowed = "Cedar: permit or forbid (principal, action, resource) when { ... };"
        return Fault(file, where, "", said, allowed, "mend the policy; it ends with ';'")
    found = list(parsed["staticPolicies"].values())
    if len(found) != 1 or parsed["templates"]:
        fix = "write the principal or resource itself in place of ?principal and ?resource"
        return Fault(file, line, "", "a template", "a policy without slots", fix)
    policy = found[0]
    annotations = {name: value or "" for name, value in policy.get("annotations", {}).items()}
    return Rule(file, line, statement, policy["effect"], annotations, policy)


def _line_of(statement: str, line: int, text: str) -> int:
    at = statement.find(text)
    if at < 0 and "::" in text:  # Action::"read" is written in brackets and lists too
        at = statement.find(text.partition("::")[0])
    return line + statement.count("\n", 0, at) if at >= 0 else line


def _annotation_faults(rule: Rule) -> Iterator[Fault]:
    for name, value in rule.annotations.items():
        key = f"@{name}"
        line = rule.line_of(key)
        if name not in ANNOTATIONS:
            allowed = ", ".join(f"@{known}" for known in ANNOTATIONS)
            fix = did_you_mean(name, ANNOTATIONS)
            yield Fault(rule.file, line, key, f"unknown annotation '@{name}'", allowed, fix)
        elif name != "id" and rule.effect == "forbid":
            fix = "remove it: what a forbid matches is not read at all"
            yield Fault(rule.file, line, key, f"@{name} on a forbid", "@id on a forbid", fix)
        elif name == "mask" and value not in MASKS:
            fix = did_you_mean(value, MASKS)
            yield Fault(rule.file, line, key, f"unknown mask '{value}'", ", ".join(MASKS), fix)
        elif name == "to":
            yield from _to_faults(rule, value, line)


def _to_faults(rule: Rule, value: str, line: int) -> Iterator[Fault]:
    if rule.annotations.get("mask") != "generalised":
        fix = 'add @mask("generalised"), or remove it'
        yield Fault(rule.file, line, "@to", "@to without its mask", "@to beside @mask", fix)
    if value not in UNITS and width(value) is None:
        allowed = f"{', '.join(UNITS)} for times, a width such as 10 for numbers"
        yield Fault(rule.file, line, "@to", f"'{value}'", allowed, did_you_mean(value, UNITS))


def width(text: str) -> str | None:
    """``text`` when it is a positive decimal number, as SQL has it."""
    fits = re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,6})?", text)
    return text if fits and float(text) > 0 else None


def _schema_faults(rule: Rule, schema: cedarpy.Schema) -> Iterator[Fault]:
    import cedarpy

    said = {error.error for error in cedarpy.validate_policies(rule.text, schema).errors}
    sentences = sorted({_SENTENCE.sub("", sentence) for sentence in said})
    consequence = "unable to find an applicable action"
    if any(not sentence.startswith(consequence) for sentence in sentences):
        # It follows from an unknown name, which is said by itself.
        sentences = [each for each in sentences if not each.startswith(consequence)]
    seen: set[str] = set()
    for sentence in sentences:
        token = _TOKEN.search(sentence)
        name = token[1] if token else ""
        if name and name in seen:
            continue  # the same attribute, missing on each type of resource
        seen.add(name)
        found, allowed, fix = _in_words(sentence, name)
        yield Fault(rule.file, rule.line_of(name), "", found, allowed, fix)


def _in_words(sentence: str, name: str) -> tuple[str, str, str]:
    """What Cedar's validator says, as found, allowed and fix."""
    if sentence.startswith("attribute") and "not found" in sentence:
        tokens = _TOKEN.findall(sentence)
        known = _attributes(tokens[1] if len(tokens) > 1 else "context")
        if name in known:
            return (
                f"attribute '{name}', which not everything has that the policy is about",
                f"'{name}' behind a test that it is there",
                f"write 'resource has {name} && ...', or 'resource is Column' in its head",
            )
        return f"unknown attribute '{name}'", ", ".join(known), did_you_mean(name, known)
    if "unable to guarantee safety of access to optional attribute" in sentence:
        owner = {"purpose": "context", "owner": "resource"}.get(name, "principal")
        allowed = f"'{name}' behind a test that it is there"
        return f"'{name}', which may be absent", allowed, f"write '{owner} has {name} && ...'"
    if sentence.startswith("unrecognized entity type"):
        kinds = [*PRINCIPALS, "Role", *RESOURCES]
        return f"unknown type '{name}'", ", ".join(kinds), did_you_mean(name, kinds)
    if sentence.startswith("unrecognized action"):
        action = name.partition('"')[2].rstrip('"')
        return f"unknown action '{action}'", ", ".join(ACTIONS), did_you_mean(action, ACTIONS)
    if sentence.startswith("unable to find an applicable action"):
        allowed = "; ".join(f"{name}: {', '.join(kinds)}" for name, kinds in ACTIONS.items())
        fix = "name a resource that the action is about, or leave it open"
        return "an action together with a resource that it is not about", allowed, fix
    if "are not compatible" in sentence:
        fix = 'narrow its head, such as: resource is Column in Port::"<domain>/<product>/<port>"'
        return sentence, "values of one type, whatever the policy is about", fix
    allowed = f"what {SCHEMAS}/{FILE} allows"
    return sentence, allowed, "mend the policy; mesh schema --write writes the schema"


def _attributes(owner: str) -> list[str]:
    if owner in RESOURCES:
        # A rule that names no type is about all of them: what any of them has is meant.
        names = {name for _, attributes in RESOURCES.values() for name in attributes}
    else:
        names = set(PRINCIPAL_ATTRIBUTES if owner in PRINCIPALS else CONTEXT)
    return sorted(name.removesuffix("?") for name in names)


def _doubles(rules: list[Rule]) -> Iterator[Fault]:
    named: dict[str, Rule] = {}
    lines: set[int] = set()
    for rule in rules:
        if rule.line in lines:
            found = "a second policy on this line"
            yield Fault(rule.file, rule.line, "", found, "one on a line", "begin a new line")
        lines.add(rule.line)
        if rule.name is None:
            continue
        if rule.name in named:
            found = f"the id '{rule.name}' twice, first on line {named[rule.name].line}"
            yield Fault(rule.file, rule.line, "@id", found, "an id of its own", "rename one")
        named.setdefault(rule.name, rule)
