"""Formats of text agree with the standard library's own readers, run by DuckDB's RE2."""

import base64
import binascii
import ipaddress
import uuid
from datetime import datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_defs.contract.odcs.formats import PATTERNS


@pytest.fixture(scope="module")
def matches():
    with duckdb.connect() as connection:

        def run(form: str, text: str) -> bool:
            row = connection.execute(
                "SELECT regexp_matches(?, ?)", [text, PATTERNS[form]]
            ).fetchone()
            assert row is not None
            return bool(row[0])

        yield run


def readable(reader, text: str) -> bool:
    try:
        reader(text)
    except (ValueError, binascii.Error):
        return False
    return True


V4 = st.ip_addresses(v=4).map(str) | st.text(alphabet="0123456789.", max_size=15)
V6 = (
    st.ip_addresses(v=6).map(str)
    | st.text(alphabet="01af:", max_size=24)
    | st.lists(st.sampled_from(["1", "ffff", "", "1.2.3.4"]), min_size=2, max_size=9).map(":".join)
)


@settings(max_examples=400, deadline=None)
@given(text=V4)
def test_ipv4(matches, text):
    assert matches("ipv4", text) == readable(ipaddress.IPv4Address, text)


@settings(max_examples=500, deadline=None)
@given(text=V6)
def test_ipv6(matches, text):
    assert matches("ipv6", text) == readable(ipaddress.IPv6Address, text)


@settings(max_examples=200, deadline=None)
@given(value=st.uuids())
def test_uuid(matches, value: uuid.UUID):
    assert matches("uuid", str(value))
    assert matches("uuid", str(value).upper())
    assert not matches("uuid", value.hex)
    assert not matches("uuid", f"{value}0")


@settings(max_examples=400, deadline=None)
@given(text=st.text(alphabet="abAB01+/=", max_size=12))
def test_byte(matches, text):
    good = readable(lambda t: base64.b64decode(t, validate=True), text)
    # The library overlooks padding too much after a whole group; RFC 4648 does not.
    assert matches("byte", text) == (
        good and base64.b64encode(base64.b64decode(text)).decode().__len__() == len(text)
    )


@settings(max_examples=200, deadline=None)
@given(moment=st.datetimes(timezones=st.timezones(no_cache=False)))
def test_date_time(matches, moment: datetime):
    text = moment.replace(microsecond=0).isoformat()
    offset = moment.utcoffset()
    whole = offset is not None and offset.total_seconds() % 60 == 0
    if moment.year >= 1000 and whole:
        assert matches("date-time", text)
    assert not matches("date-time", text[:19])


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("email", ["a@b.org", "first.last+tag@sub.example.com"], ["a", "a@", "@b.org", "a b@c.d"]),
        ("uri", ["http://x.org/a?b=c#d", "urn:isbn:1", "mesh://a/b"], ["x", "http://x y", "1a:b"]),
        ("url", ["https://x.org", "ftp://x/y"], ["urn:isbn:1", "x.org"]),
        ("hostname", ["a", "a-b.example.org"], ["-a", "a-", "a..b", "a_b", "a" * 64]),
        ("date", ["2024-02-29"], ["2024-13-01", "2024-1-1", "2024-02-29T"]),
        ("time", ["10:00:00", "10:00:00.5Z", "23:59:60+01:00"], ["24:00:00", "10:00"]),
        ("duration", ["P1D", "PT5M", "P1Y2M3DT4H5M6S", "P2W"], ["P", "PT", "1D", "P1S"]),
    ],
)
def test_the_other_formats(matches, form, good, bad):
    assert [text for text in good if not matches(form, text)] == []
    assert [text for text in bad if matches(form, text)] == []


def test_line_ends_are_no_way_around_a_format(matches):
    assert not matches("ipv4", "1.2.3.4\n")
    assert not matches("hostname", "a\nb")
