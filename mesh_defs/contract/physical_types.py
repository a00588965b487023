"""Physical types as people and engines spell them, read into one form so that they compare.

``VARCHAR(20)``, ``string`` and ``TEXT`` are one type here; so are ``ARRAY<BIGINT>`` and
``INT8[]``, or ``STRUCT<a: INT>`` and ``STRUCT(a INTEGER)``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from mesh_defs.faults import nearest

_SPELLINGS = {
    "BOOLEAN": "bool boolean logical",
    "TINYINT": "tinyint int1 byte",
    "SMALLINT": "smallint int2 int16 short",
    "INTEGER": "integer int int4 int32 signed mediumint serial",
    "BIGINT": "bigint int8 int64 long bigserial",
    "HUGEINT": "hugeint int128",
    "UTINYINT": "utinyint uint8",
    "USMALLINT": "usmallint uint16",
    "UINTEGER": "uinteger uint uint32",
    "UBIGINT": "ubigint uint64",
    "UHUGEINT": "uhugeint uint128",
    "DECIMAL": "decimal dec numeric number bignumeric",
    "FLOAT": "float float4 real float32",
    "DOUBLE": "double float8 float64 doubleprecision",
    "VARCHAR": "varchar char bpchar text string nvarchar nchar varchar2 nvarchar2 character "
    "charactervarying clob citext largeutf8 utf8 enum longtext mediumtext tinytext",
    "DATE": "date date32",
    "TIME": "time timewithouttimezone",
    "TIMETZ": "timetz timewithtimezone",
    "TIMESTAMP": "timestamp datetime datetime2 timestampntz timestampwithouttimezone "
    "timestamps timestampms timestampns smalldatetime",
    "TIMESTAMPTZ": "timestamptz timestampwithtimezone timestampltz timestampwithlocaltimezone "
    "datetimeoffset",
    "INTERVAL": "interval",
    "BLOB": "blob bytea binary varbinary bytes image",
    "UUID": "uuid uniqueidentifier guid",
    "JSON": "json jsonb variant",
    "BIT": "bit bitstring",
    "LIST": "list array repeated",
    "STRUCT": "struct row record object",
    "MAP": "map",
}
_CANONICAL = {
    spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()
}
KNOWN = tuple(_SPELLINGS)
INTEGERS = frozenset(
    [
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
    ]
)
FLOATS = frozenset({"FLOAT", "DOUBLE"})
NUMBERS = INTEGERS | FLOATS | {"DECIMAL"}
TIMESTAMPS = frozenset({"TIMESTAMP", "TIMESTAMPTZ"})

_TOKEN = re.compile(r"""\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|[\w.]+|[<>()\[\],:])""")
_MAX_LENGTH = 20_000
_MAX_DEPTH = 64


class UnknownType(ValueError):
    """A physical type that nobody knows; the text says which and what is known. ``word`` is the
    name that is unknown, empty where names are not what is wrong."""

    def __init__(self, text: str, word: str = "") -> None:
        super().__init__(text)
        self.word = word


@dataclass(frozen=True, slots=True)
class Physical:
    """A type: its name (one of `KNOWN`), its numbers (precision and scale of a decimal, the longest
    length of text and bytes), its values (of an enum, which is text here) and its parts (the item
    of a list, key and value of a map, the named fields of a struct). Parts that are not written
    down are empty, and then not compared; nor are lengths and values, which are rules of their
    own."""

    name: str
    numbers: tuple[int, ...] = ()
    parts: tuple[tuple[str, Physical], ...] = ()
    values: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        """A type without parts as DuckDB spells it."""
        if self.name == "DECIMAL" and self.numbers:
            return f"DECIMAL({', '.join(str(number) for number in self.numbers)})"
        return self.name

    def fits(self, declared: Physical) -> bool:
        """Whether data of this type is what ``declared`` asks for."""
        if self.name != declared.name:
            return False
        if self.name == "DECIMAL" and declared.numbers:
            scale = declared.numbers[1] if len(declared.numbers) > 1 else 0
            if self.numbers != (declared.numbers[0], scale):
                return False
        if not declared.parts:
            return True
        return len(self.parts) == len(declared.parts) and all(
            (self.name != "STRUCT" or mine == theirs) and type_.fits(wanted)
            for (mine, type_), (theirs, wanted) in zip(self.parts, declared.parts, strict=True)
        )


def meant(word: str) -> str | None:
    """The name of a type that ``word`` was most likely meant to be, as it is usually spelled."""
    close = nearest(word.lower().replace("_", ""), _CANONICAL)
    return close.upper() if close is not None else None


@lru_cache(maxsize=4096)
def parse(text: str) -> Physical:
    """``text`` as a type; raises `UnknownType` for what nobody knows."""
    if len(text) > _MAX_LENGTH:
        raise UnknownType(f"a physical type of {len(text)} characters")
    reader = _Reader(text)
    found = reader.type(0)
    if reader.peek() is not None:
        raise UnknownType(f"physical type '{text}' has '{reader.peek()}' where it should end")
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        self.at = 0
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            match = _TOKEN.match(stripped, position)
            if match is None:
                raise UnknownType(f"physical type '{text}' is not written as a type")
            self.tokens.append(match[1])
            position = match.end()

    def peek(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self) -> str:
        token = self.peek()
        if token is None:
            raise UnknownType(f"physical type '{self.text}' ends too early")
        self.at += 1
        return token

    def expect(self, token: str) -> None:
        found = self.take()
        if found != token:
            raise UnknownType(f"physical type '{self.text}' has '{found}' instead of '{token}'")

    def type(self, depth: int) -> Physical:
        if depth > _MAX_DEPTH:
            raise UnknownType(f"a physical type of more than {_MAX_DEPTH} levels")
        found = self.arguments(self.name(), depth)
        if self._words_follow():  # TIMESTAMP(6) WITH TIME ZONE
            found = Physical(self._canonical(f"{found.name}{self.words()}"), found.numbers)
        while self.peek() == "[":
            self.take()
            if self.peek() != "]":
                self.take()
            self.expect("]")
            found = Physical("LIST", parts=(("item", found),))
        return found

    def name(self) -> str:
        return self._canonical(self.words())

    def words(self) -> str:
        text = ""
        while self._words_follow():
            text += self.take()
        return text

    def _words_follow(self) -> bool:
        token = self.peek()
        return token is not None and re.match(r"\w", token) is not None

    def _canonical(self, words: str) -> str:
        name = _CANONICAL.get(words.lower().replace("_", ""))
        if name is None:
            raise UnknownType(
                f"physical type '{self.text}' is unknown; known are {', '.join(KNOWN)} "
                "and their usual spellings",
                words,
            )
        return name

    def arguments(self, name: str, depth: int) -> Physical:
        opening = self.peek()
        if opening not in ("(", "<"):
            return Physical(name)
        closing = ")" if opening == "(" else ">"
        self.take()
        numbers: list[int] = []
        parts: list[tuple[str, Physical]] = []
        values: list[str] = []
        while self.peek() != closing:
            token = self.peek() or ""
            if name == "STRUCT":
                parts.append(self.field(depth))
            elif name in ("LIST", "MAP"):
                parts.append((str(len(parts)), self.type(depth + 1)))
            elif token.isdecimal():
                numbers.append(int(self.take()))
            else:
                argument = self.take()  # MAX, or the unit of a length
                if argument.startswith("'"):
                    values.append(argument[1:-1].replace("''", "'"))
            if self.peek() == ",":
                self.take()
        self.expect(closing)
        if name == "LIST":
            parts = [("item", item) for _, item in parts]
        return Physical(name, tuple(numbers), tuple(parts), tuple(values))

    def field(self, depth: int) -> tuple[str, Physical]:
        token = self.take()
        name = token[1:-1].replace('""', '"') if token.startswith('"') else token
        if self.peek() == ":":
            self.take()
        return name, self.type(depth + 1)
