"""Names of columns that tell, and rules that leave no room for personal data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh_defs.policy.data.personal.columns import kind_of, tells_a_version
from mesh_defs.policy.data.personal.excluded import excludes

TELLS = {
    "email": ["email", "e_mail", "Email", "contactEmail", "customer_email_address", "EMAIL2"],
    "phone": ["phone", "phone_number", "mobilePhone", "home_telephone", "fax_no", "tel"],
    "iban": ["iban", "customer_iban"],
    "card": ["card_number", "creditCardNumber", "pan"],
    "national_id": ["ssn", "passport_no", "SocialSecurityNumber", "bsn", "steuer_id", "pesel"],
    "ip_address": ["ip", "ip_address", "client_ip", "ipv4_addr", "last_login_ip"],
    "postal_address": ["street", "address", "home_address", "address_line_2", "billingAddress"],
    "name": ["first_name", "lastname", "surname", "passenger_name", "customerName", "vorname"],
    "birth_date": [
        "birth_date",
        "dob",
        "born",
        "dateOfBirth",
        "birthday",
        "geburtsdatum",
        "d_o_birth",
        "d_o_b",
        "DOBirth",
        "date_birth",
        "birth_dt",
        "customer_bday",
    ],
}
TELLS_NOTHING = (
    "name", "carrier_name", "airport_name", "destination_name", "file_name", "hostname",
    "username_hash",
    "email_sent_count", "email_hash", "email_domain", "phone_model", "phone_type", "ip_country",
    "station", "zip", "city", "mac_address", "card_type", "flight_number", "tail_number", "model",
    "manufacturer", "birth_country", "mailbox_size", "tip", "ship", "strip", "telemetry",
    "street_count",
    "passenger_id", "passenger_type_name", "", "___", "1",
)  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, names in TELLS.items() for n in names])
def test_names_that_tell(kind: str, name: str) -> None:
    assert kind_of(name) == kind


@pytest.mark.parametrize("name", TELLS_NOTHING)
def test_names_that_tell_nothing(name: str) -> None:
    assert kind_of(name) is None


@given(st.text())
def test_any_name_has_an_answer(name: str) -> None:
    kind_of(name)
    tells_a_version(name)


@pytest.mark.parametrize(
    "pattern",
    ["^[0-9a-f]{32}$", "^N[0-9]{5}$", "^[A-Z]{3}$", "^(?:EWR|JFK)$", "^[0-9]{8}$", "^[A-Z0-9]{6}$",
     "^[a-z]{1,40}$", "^[A-Z]+$"],
)  # fmt: skip
def test_patterns_that_leave_no_room(pattern: str) -> None:
    assert excludes(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["[0-9a-f]{32}", "^[0-9]{9}$", "^[0-9]{11}$", "^[0-9]{16}$", "^[0-9A-Z]{22}$",
     "^[A-Za-z]{3,30}$",
     "^[A-Z][a-z]+ [A-Z][a-z]+$", "^.{3,9}$", "^[^0-9]{1,9}$", r"^\S+@\S+$", "^A|B$", "^a$|^b$",
     "(?i)^[a-z]{3}$", "^[0-9 ]+$", r"^\W{9}$", r"^(a)\1$", "^(?=a)b$", "[", "", "^", "^[0-9]+$",
     "^[0-9]{3}-[0-9]{2}-[0-9]{4}$", "(?m)^[a-z]{3}$"],
)  # fmt: skip
def test_patterns_that_leave_room(pattern: str) -> None:
    assert not excludes(pattern)
