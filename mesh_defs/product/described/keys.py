"""Every key of the discovery document, in one table: its JSON Schema and its reference page are
made from it, and what is read back is held against it."""

from __future__ import annotations

from typing import Any

from mesh_defs.product.described.shapes import (
    ANY,
    BOOLEAN,
    INTEGER,
    NUMBER,
    TEXT,
    TEXTS,
    Key,
    Shape,
    an_object,
    faults,
    objects,
    schema,
)

_PROFILE = an_object(
    Key("nulls", NUMBER.or_null(), "the share of NULL, from 0 to 1"),
    Key("distinct", INTEGER.or_null(), "how many different values there are, about"),
    Key("least", TEXT.or_null(), "the least value, as text"),
    Key("greatest", TEXT.or_null(), "the greatest value, as text"),
    Key(
        "top",
        objects(
            Key("value", TEXT, "the value, as text of at most 120 characters"),
            Key("share", NUMBER, "its share of the rows that were looked at"),
        ),
        "the ten most frequent values that stand more than once",
    ),
    Key(
        "histogram",
        an_object(
            Key("edges", Shape(many=True), "the bins' edges: numbers, or ISO 8601 texts"),
            Key("counts", Shape("integer", many=True), "rows looked at, by bin: one less"),
        ).or_null(),
        "how numbers and times are spread, in at most twenty bins",
    ),
)
_COLUMN = objects(
    Key("name", TEXT, "the column's name in the data"),
    Key("type", TEXT.or_null(), "its type in the data, else in the contract"),
    Key("logical_type", TEXT.or_null(), "the contract's logical type"),
    Key("title", TEXT.or_null(), "its business name"),
    Key("description", TEXT.or_null(), "what it means"),
    Key(
        "classification",
        TEXT,
        "public, internal, confidential, personal or sensitive: as declared, or as what flows in",
    ),
    Key("required", BOOLEAN, "whether NULL breaks the contract"),
    Key("unique", BOOLEAN, "whether no value may stand twice"),
    Key("key", INTEGER.or_null(), "its position in the primary key, from 1"),
    Key("tags", TEXTS, "the contract's tags"),
    Key("unit", TEXT.or_null(), "the unit of measure: its custom property unit"),
    Key("permitted_purposes", TEXTS.or_null(), "for what it may be used; null: no limit is said"),
    Key("values_told", BOOLEAN, "whether its values may stand in profile and sample"),
    Key("profile", _PROFILE.or_null(), "a picture of its values; null: nobody looked"),
    Key("seen", TEXT, "what you see of it: clear, the mask, or no", added=True),
)
_LEVEL = objects(
    Key("property", TEXT.or_null(), "what is promised: latency, retention, availability, ..."),
    Key("promised", TEXT.or_null(), "how much"),
    Key("unit", TEXT.or_null(), "of what"),
    Key("element", TEXT.or_null(), "the column that it goes by"),
    Key("description", TEXT.or_null(), "the contract's words"),
    Key(
        "actual",
        TEXT.or_null(),
        "what was found when it was published; of a latency that goes by no column, by who shows "
        "the newest version: how old that is; null: not measured",
    ),
    Key("kept", BOOLEAN.or_null(), "whether that keeps the promise; null: not measured"),
)
_VERDICT = objects(
    Key("id", TEXT, "the rule, or the policy"),
    Key("subject", TEXT, "the port, or the input"),
    Key("column", TEXT.or_null(), "the column that it is about"),
    Key("stage", TEXT, "expectation, promise or policy"),
    Key("dimension", TEXT, "the quality dimension"),
    Key("outcome", TEXT, "passed, warned, failed or error"),
    Key("consequence", TEXT, "what breaking it means: stop or warn"),
    Key("expected", TEXT, "what the rule expects"),
    Key("observed", TEXT, "what was found"),
    Key("decided_by", TEXT, "how: statistics, scan, query, ..."),
    Key("reason", TEXT.or_null(), "why it could not run, or what is wrong"),
    Key("waivers", Shape(many=True), "what lets its findings pass, with the days left"),
)
_PORT = objects(
    Key("port", TEXT, "its name"),
    Key("url", TEXT, "its global URL"),
    Key("description", TEXT.or_null(), "what a row is"),
    Key("mode", TEXT, "how versions follow each other: snapshot, append by day, ..."),
    Key(
        "continues",
        Shape(by=("key",)),
        "the same in the manifest's keys, without what is the default",
        optional=True,
    ),
    Key(
        "contract",
        an_object(
            Key("id", TEXT, "the contract's id"),
            Key("version", TEXT, "its version"),
            Key("digest", TEXT, "the SHA-256 of its file, in hex"),
        ),
        "what it promises, and was verified against",
    ),
    Key("columns", _COLUMN, "the columns, in the contract's order"),
    Key("profile_rows", INTEGER.or_null(), "how many rows the profile looked at"),
    Key("not_profiled", TEXT.or_null(), "why there is no profile"),
    Key("service_levels", _LEVEL, "what is promised about time and service"),
    Key("verdicts", _VERDICT, "the promises and policies under which it was published"),
    Key("tally", Shape("integer", by=("outcome",), null=True), "how many verdicts"),
    Key("rows", INTEGER.or_null(), "rows of the version"),
    Key("bytes", INTEGER.or_null(), "bytes of its files"),
    Key("files", INTEGER.or_null(), "how many files"),
    Key(
        "freshness",
        an_object(
            Key("column", TEXT.or_null(), "the column that tells the data's own time"),
            Key("actual_from", TEXT.or_null(), "its least value"),
            Key("actual_to", TEXT.or_null(), "its greatest value"),
        ),
        "the time that the data speaks of",
    ),
    Key(
        "sample",
        Shape("any", many=True, null=True),
        "five rows, values as text; null in place of what not every reader may see",
    ),
    Key("classification", TEXT, "the highest of its columns"),
    Key("state", ANY, "age and freshness now", added=True),
    Key("links", ANY, "its addresses at the gateway", added=True),
    Key("readable", BOOLEAN, "whether you may read it", added=True),
    Key("reason", TEXT, "why, or why not", added=True),
    Key("grants", Shape(many=True), "the terms under which you read it", added=True),
)
_CHANGE = objects(
    Key("port", TEXT.or_null(), "the port; null: the product as a whole"),
    Key(
        "kind",
        TEXT,
        "what changed: purpose, owner, input added, code, column added, rule, ..., or rows",
    ),
    Key("column", TEXT.or_null(), "the column"),
    Key("before", TEXT.or_null(), "how it was"),
    Key("after", TEXT.or_null(), "how it is"),
    Key("level", TEXT.or_null(), "none, compatible or breaking; null where no promise changed"),
    Key("text", TEXT, "what it means for readers"),
)
DOCUMENT = an_object(
    Key("format", INTEGER, "1: the format that this page describes"),
    Key("mesh", TEXT, "the mesh's name"),
    Key("url", TEXT, "the product's global URL"),
    Key("domain", TEXT, "its domain"),
    Key("product", TEXT, "its name"),
    Key("title", TEXT.or_null(), "the name of its main port's contract"),
    Key("purpose", TEXT.or_null(), "what it is for"),
    Key("limitations", TEXT.or_null(), "what it is not good for, and why"),
    Key("usage", TEXT.or_null(), "how it is meant to be used"),
    Key("owner", TEXT.or_null(), "who answers for it"),
    Key("archetype", TEXT.or_null(), "source-aligned, aggregate or consumer-aligned"),
    Key("status", TEXT.or_null(), "proposed, draft, active, deprecated or retired"),
    Key("tags", TEXTS, "words to find it by"),
    Key("licence", TEXT.or_null(), "under which it may be used"),
    Key("permitted_purposes", TEXTS, "for what it may be used; empty: nothing is said"),
    Key("product_version", TEXT.or_null(), "the version of its interface"),
    Key("version", INTEGER.or_null(), "the version of the data; null: none is published yet"),
    Key("published_at", TEXT.or_null(), "when that was published (ISO 8601, UTC)"),
    Key("run_id", TEXT.or_null(), "the run that made it"),
    Key(
        "transform",
        an_object(
            Key("kind", TEXT.or_null(), "sql, python or dbt; null: not known any more"),
            Key("digest", TEXT.or_null(), "the SHA-256 of manifest, contracts and code, in hex"),
        ),
        "how it is made",
    ),
    Key(
        "inputs",
        objects(
            Key("name", TEXT, "the input port"),
            Key("source", TEXT, "what it reads"),
            Key("version", INTEGER.or_null(), "the version of a product that was read"),
        ),
        "what it is made of",
    ),
    Key("expectations", _VERDICT, "the verdicts on the inputs"),
    Key("main_port", TEXT.or_null(), "the port that the product's URL alone means"),
    Key("ports", _PORT, "what it serves"),
    Key(
        "lineage",
        an_object(
            Key(
                "products",
                objects(
                    Key("url", TEXT, "a product that was read"),
                    Key("version", INTEGER.or_null(), "in which version"),
                ),
                "the products that it reads",
            ),
            Key(
                "columns",
                Shape("text", many=True, by=("port", "column")),
                "the URLs of the columns that flow into each column",
            ),
            Key("unknown", Shape("text", by=("port", "column")), "why others are not known"),
            Key("sources", TEXTS, "entities of operational systems that it reads"),
        ),
        "where it comes from",
    ),
    Key(
        "access",
        objects(
            Key("way", TEXT, "the tool"),
            Key("language", TEXT, "in which the snippet is written"),
            Key("snippet", TEXT, "what to paste"),
        ),
        "how to get it",
    ),
    Key(
        "examples",
        objects(
            Key("title", TEXT, "what it shows"),
            Key("text", TEXT, "its owner's words", optional=True),
            Key("sql", TEXT, "a query that runs as it stands", optional=True),
        ),
        "how it is used",
    ),
    Key(
        "history",
        objects(
            Key("version", INTEGER, "the version"),
            Key("published_at", TEXT, "when it was published"),
            Key("product_version", TEXT, "the version of its interface"),
            Key("changes", _CHANGE, "what changed since the version before"),
        ),
        "the last twenty versions, newest first",
    ),
    Key(
        "damaged",
        BOOLEAN,
        "true: the stored document cannot be read, this is what the ledger knows",
        added=True,
    ),
    Key("consumers", Shape(many=True), "who uses it, as far as you may know", added=True),
    Key(
        "usage_30d",
        an_object(
            Key("reads", INTEGER, "reads through the gateway that were completed"),
            Key("readers", INTEGER, "by how many different readers"),
            Key("rows", INTEGER, "rows that were sent"),
        ),
        "how it was used in the last 30 days",
        added=True,
    ),
    Key(
        "feedback",
        an_object(
            Key("ratings", ANY, "count, mean, how many of each number of stars, the newest"),
            Key("questions", Shape(many=True), "the newest, with their answers"),
            Key("problems", Shape(many=True), "the newest, and how they stand"),
        ),
        "what people say of it",
        added=True,
    ),
    Key(
        "trust",
        objects(
            Key("port", TEXT, "the port"),
            Key(
                "facts",
                objects(
                    Key("id", TEXT, "which fact"),
                    Key("title", TEXT, "its name"),
                    Key("value", NUMBER.or_null(), "null: nothing can be measured, or shown"),
                    Key("unit", TEXT, "of the value, such as share or seconds"),
                    Key("window", TEXT, "over what time"),
                ),
                "the facts; how each was measured, and over time: `/<domain>/<product>/trust`",
            ),
        ),
        "what was measured of the newest version's ports lately",
        added=True,
    ),
)

_PAGE = """\
# The discovery document

Made from `mesh_defs.product.described.keys` by `python -m mesh_defs.cli.reference`; change it
there.

One JSON document per version, written by the product's own container when it publishes, beside the
data: `discovery/<version>.json` in its store. `mesh show URL --json` and the gateway's
`/<domain>/<product>/discovery` show it, as far as you may see: of columns that you may not read in
clear there are no values, of ports and products that you may not know of there is nothing. Its JSON
Schema is [`schemas/discovery.schema.json`](../../schemas/discovery.schema.json).

What Parquet's footers tell (NULLs, the ends of numbers and times) is of all rows. The rest of a
profile is of `profile_rows` rows: all of a port of up to 100,000, of a larger one 50,000 from eight
places all over it, the same each time. Where values that lie together are near each other (data
that comes in the order of time), histograms are of as many rows that lie as the footers tell. Of
personal and sensitive columns, declared so or made of such, the share of NULL is all there is.
Titles, descriptions and values stand in it as they are: escape them where you show them.

Keys marked *added* are not stored. `/<domain>/<product>/discovery` has them all (`damaged` only
where it is so); of them `mesh show --json` has only `ports[].columns[].seen`, because who uses a
product and what people say of it is known to the gateway. Keys marked *optional* are not in every
document.

| key | holds | means |
| --- | --- | --- |
"""


def discovery_schema() -> dict[str, Any]:
    """The JSON Schema of a discovery document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The discovery document of a data product",
        **schema(DOCUMENT),
    }


def discovery_page() -> str:
    """The text of ``docs/reference/discovery.md``."""
    return _PAGE + "".join(_rows(DOCUMENT, ""))


def _rows(shape: Shape, path: str) -> list[str]:
    found = []
    for key in shape.keys:
        name = f"{path}{key.name}"
        added = " *(added)*" if key.added else " *(optional)*" if key.optional else ""
        found.append(f"| `{name}` | {key.shape.words} | {key.means}{added} |\n")
        found += _rows(key.shape, f"{name}[]." if key.shape.many else f"{name}.")
    return found


def document_faults(value: object) -> list[str]:
    """What keeps ``value`` (JSON) from being a discovery document; nothing when it is one."""
    return list(faults(value, DOCUMENT))
