"""Names of columns that tell what is in them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mesh_defs.policy.data.personal.kinds import Kind

_PEOPLE = (
    "applicant|attendee|author|borrower|buyer|caller|cardholder|client|colleague|contact|crew"
    "|customer|doctor|driver|emergency_contact|employee|guardian|guest|holder|insured|member|nurse"
    "|parent|passenger|patient|payee|payer|person|pilot|pupil|recipient|sender|student|subscriber"
    "|teacher|tenant|traveler|traveller|user|visitor|worker|kunden?|mitarbeiter|passagier"
)
_ANY = r"(?:\w+_)?"
_PERSON = rf"(?:{_PEOPLE})"
_NUMBER = r"(?:_(?:number|no|nr|num))?"

# Names are compared in lower case with one _ between words, digits at the end left out.
_NAMED: Mapping[Kind, tuple[str, ...]] = {
    "email": (rf"{_ANY}(?:e_?mail|mail)(?:_addr(?:ess)?)?", rf"{_ANY}e_?mails"),
    "phone": (
        rf"{_ANY}(?:tele)?phone{_NUMBER}",
        rf"{_ANY}(?:mobile|cell|fax|handy)_?(?:phone|number|no|nr|nummer)",
        rf"{_ANY}(?:telefon|telefono|telefoon|telefone|rufnummer|msisdn|whatsapp)(?:nummer)?{_NUMBER}",
        "tel|fax|handy",
    ),
    "iban": (rf"{_ANY}iban(?:_number|_no|_code)?", "(?:bank_)?account_number|kontonummer"),
    "card": (
        rf"{_ANY}(?:credit|debit|payment|bank)_?card(?:_?(?:number|no|nr|num|pan))?",
        rf"{_ANY}card_?(?:number|no|nr|num|pan)",
        "pan|kreditkartennummer",
    ),
    "national_id": (
        rf"{_ANY}(?:ssn|social_security|national_insurance|national_id|personal_id){_NUMBER}",
        rf"{_ANY}(?:passport|id_card|identity_card|driving_licen[cs]e|drivers?_licen[cs]e){_NUMBER}",
        "nino|nir|bsn|dni|nie|cpf|pesel|personnummer|codice_?fiscale|numero_securite_sociale",
        "steuer_?id|steuer_?identifikationsnummer|sozialversicherungsnummer|ausweisnummer",
        "burgerservicenummer|rijksregisternummer|reisepassnummer",
    ),
    "ip_address": (
        rf"{_ANY}ip(?:_?v[46])?_?addr(?:ess)?(?:es)?",
        rf"(?:{_ANY}(?:client|remote|user|login|source|src|visitor)_)?ip",
    ),
    "postal_address": (
        rf"{_ANY}street(?:_?(?:address|name|line|number))?",
        rf"{_ANY}(?:home|postal|mailing|billing|shipping|delivery|residential)_?addr(?:ess)?(?:_line)?",
        rf"{_ANY}address_?line",
        rf"(?:{_PERSON}_)?(?:address|addr|adresse|anschrift|direccion|indirizzo)",
        "strasse|straße|hausnummer|house_number",
    ),
    "name": (
        rf"{_ANY}(?:first|given|last|family|middle|maiden)_?names?",
        rf"{_ANY}(?:sur|fore)names?",
        rf"(?:{_PERSON}_)?full_?name",
        rf"{_ANY}{_PERSON}_?(?:name|nm)",
        rf"{_ANY}(?:vorname|nachname|familienname|prenom|prénom|nom_de_famille|apellidos?)",
        rf"{_ANY}(?:cognome|voornaam|achternaam|imie|nazwisko|förnamn|efternamn)",
    ),
    "birth_date": (
        rf"{_ANY}(?:birth_?(?:da(?:te|y)|dt)|(?:date|day|dt)_?(?:of_?)?birth)",
        rf"{_ANY}(?:d_?o_?b(?:irth)?|b_?day|born(?:_on)?)",
        rf"{_ANY}(?:geburtsdatum|geburtstag|geboortedatum|date_(?:de_)?naissance)",
        rf"{_ANY}(?:fecha_(?:de_)?nacimiento|data_(?:di_)?nascita|data_urodzenia|födelsedatum)",
    ),
}
# What was done to a value so that it does not tell itself, or what is only about it.
_NOT_THE_VALUE = re.compile(
    r"(?:.*_)?(?:hash|hashed|sha1|sha256|md5|hmac|digest|encrypted|token|masked|redacted|domain"
    r"|type|kind|status|verified|valid|flag|count|length|opt_?in|consent|country|pattern|template"
    r"|carrier|model|system|os)(?:_.*)?"
)
_WORDS = re.compile(r"([a-zß-ÿ0-9])([A-ZÀ-Þ])|([A-ZÀ-Þ]+)([A-ZÀ-Þ][a-zß-ÿ])")


def plain(name: str) -> str:
    """``name`` in lower case, words apart by one ``_``, without digits at its end."""
    apart = _WORDS.sub(lambda m: f"{m[1] or m[3]}_{m[2] or m[4]}", name)
    return re.sub(r"[\W_]+", "_", apart).strip("_").lower().rstrip("0123456789").rstrip("_")


@lru_cache(maxsize=4096)
def kind_of(name: str) -> Kind | None:
    """The kind of personal data that a column called ``name`` says it has."""
    word = plain(name)
    if not word or _NOT_THE_VALUE.fullmatch(word):
        return None
    for kind, patterns in _NAMED.items():
        if any(re.fullmatch(pattern, word) for pattern in patterns):
            return kind
    return None


def tells_a_version(name: str) -> bool:
    """Whether a column is about versions of programs, which look like IP addresses."""
    return (
        re.search(r"version|release|build|firmware|(?:^|_)(?:rev|ver|oid)(?:_|$)", plain(name))
        is not None
    )
