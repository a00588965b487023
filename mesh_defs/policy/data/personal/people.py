"""Names of people and where they live, as far as content alone tells.

A given name in the middle of a text proves nothing: Charlotte, Jackson and Austin are airports.
What is sound is a form of address before a name, a name as airlines write it, and columns whose
values are mostly names: a given name that many have, alone or before more names.
"""

from __future__ import annotations

from mesh_defs.policy.data.personal.kinds import Detector

_NAME = r"\p{Lu}(?:\p{Ll}+|')(?:['\x{2019}-]?\p{Lu}?\p{Ll}+)*"
# Forms that are no words otherwise, and short ones with their dot: "King Dr" is a street.
_FORMS = "Mr|Mrs|Ms|Mme|Mlle|Herrn?|Frau|Señora?|Signora?|Mevrouw|Meneer"
_DOTTED = r"(?:Dr|Prof|Sr|Sra|Hr|Fr|Dott|Sig)\."

TITLED = (
    Detector(
        "name",
        "form of address before a name",
        "Common forms of address",
        rf"(?:^|[^\pL\pN_])(?:(?:{_FORMS})\.?|{_DOTTED}) {_NAME}",
        r"(?:Mrs?|Ms|Mme|Mlle|Herrn?|Frau|Se[^ ]{1,2}ora?|Signora?|Mevrouw|Meneer"
        r"|Dr|Prof|Sra?|Hr|Fr|Dott|Sig)\.? [^a-z0-9 ]",
    ),
    Detector(
        "name",
        "name in an airline's record",
        "IATA Reservations Interline Message Procedures: SURNAME/GIVEN TITLE",
        r"(?:^|[^\pL\pN_])[A-Z]{2,30}/[A-Z]{2,30} ?(?:MR|MRS|MS|MISS|MSTR|DR)\b",
        r"[A-Z]{2}/[A-Z]{2}",
    ),
    Detector(
        "name",
        "name under a key of JSON text",
        "RFC 8259",
        r'"(?i:(?:first|given|last|family|middle|maiden|full)[_ -]?name|surname|passenger_?name'
        r'|customer_?name|vorname|nachname|prenom)"\s*:\s*"[^"]',
        r'"(?i:first|given|last|family|middle|maiden|full|surname|passenger|customer|vorname|nachname'
        r'|prenom)[^"]{0,12}"\s*:',
    ),
)
BIRTH_DATES = (
    Detector(
        "birth_date",
        "date of birth under a key of JSON text",
        "RFC 8259",
        r'"(?i:date_?of_?birth|birth_?date|birthday|dob|geburtsdatum)"\s*:\s*"?[0-9]',
        r'"(?i:date_?of_?birth|birth|dob|geburtsdatum)[^"]{0,12}"\s*:',
    ),
)

# Given names that are frequent in several countries and rarely anything else; places, months,
# brands and common words that are names too (Paris, April, Mercedes, Mark) are left out on purpose.
_GIVEN = """
adam agnieszka ahmed aisha alejandra alejandro aleksandra alessandro alexandra alice alina
amelie amina anastasia andrea andreas andrew andrzej angela anita anja anna anne annika antonio
arthur astrid barbara beata beatriz benjamin bernd birgit björn brian camille carla carlos
carmen carolina caroline catherine cecilia christian christina christine christopher claire
claudia clara cristina daniel daniela david deborah denise diego dmitri dominik donald dorothy
edward elena elisabeth elizabeth ella emil emilia emily emma eric erik esther eva fabian fatima
felix fernando florian francesca francesco franziska frederik friedrich gabriel gabriela
georg giovanni giulia giuseppe greta hannah hans heather heike heinz helena helga hendrik henri
hugo ibrahim igor ines ingrid irene isabel isabella ivan jacob jakub james jan jana jane janet
jennifer jessica joanna johan johanna johannes john jonas jose josef joseph juan julia julian
julie jürgen kamila karen karin karl katarzyna katharina kathleen katrin kenneth kevin khadija
klara klaus krzysztof lars laura lea lena leon leonardo linda lisa luca lucas lucia luis luisa
lukas magdalena maja manuel marco margaret maria marie marina marta martin martina mary mateo
mathilde matteo matthew matthias max maximilian michael michelle miguel mohammed monika moritz
muhammad nadia natalia nicolas nicole nikolai nina noah olga oliver olivia omar oscar pablo
pamela patricia patrick paul paula pedro peter philipp pierre piotr rachel rafael raquel rebecca
renate richard robert roberto ronald ruth samuel sandra sara sarah sebastian sergei silvia simon
simone sofia sophie stefan stefanie stephanie stephen steven susan susanne sven sylvia tanja
teresa theo theresa thomas tim timothy tobias tomasz ulrich ursula uwe valentina vanessa vera
viktor walter werner william wolfgang xavier yasmin yusuf yvonne zofia
"""
GIVEN_NAMES = tuple(_GIVEN.split())
_PARTICLE = "(?:van|von|de|da|del|di|der|den|la|le)"
_UPPER = r"\p{Lu}['\x{2019}]?\p{Lu}+(?:-\p{Lu}{2,})?"
_CAPITALS = rf"(?:{_UPPER}(?:,? (?:\p{{Lu}}\.?|{_UPPER})){{1,4}}|\p{{Lu}}{{4,}})"
_FAMILY = rf"(?:{_NAME}|{_UPPER})"
_INITIALS = r"\p{Lu}\.(?:[ -]?\p{Lu}\.){0,2}"
# Compass points stand before streets: N. Main.
_FIRST_INITIALS = r"[A-DF-MO-RT-VX-Z]\.(?:[ -]?\p{Lu}\.){0,2}"
# A family name with initials needs no list of names.
WITH_INITIALS = rf"\s*(?:{_FAMILY}, ?{_INITIALS}|{_FIRST_INITIALS} {_FAMILY})\s*"
# States stand after cities in the same way: Trenton, N.J.
NO_INITIALS = r"\b(?:N\.[CDHJMY]|S\.[CD]|R\.I|D\.C|U\.[SK])\.\s*$"
WHOLE_NAME = (
    rf"\s*(?:{_NAME}(?:,? (?:\p{{Lu}}\.?|{_PARTICLE}|{_NAME})){{0,4}}|{_CAPITALS})\s*"
    rf"|{WITH_INITIALS}"
)
# Where the given name stands: first, after a comma, or second where all is in capitals.
GIVEN_PLACES = (r"^\s*(\pL+)", r", *(\pL+)", r"^\s*\p{Lu}{2,} (\p{Lu}{2,})")

_STREETS = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Terrace|Place|Pl"
    "|Parkway|Pkwy|Crescent|Close"
)
_WORD = r"\p{Lu}[\pL'.-]*"

POSTAL = (
    Detector(
        "postal_address",
        "number and street",
        "UPU S42: the delivery line in the United States, Canada, the United Kingdom",
        r"(?:^|[^\pL\pN_.-])[1-9][0-9]{0,4}[A-Za-z]? (?:[NSEW]{1,2}\.? )?"
        rf"(?:{_WORD} |[0-9]{{1,3}}(?:st|nd|rd|th) ){{1,3}}"
        rf"(?:{_STREETS})(?:\.|\b)",
        rf" (?:{_STREETS})\b",
    ),
    Detector(
        "postal_address",
        "street and number",
        "UPU S42: the delivery line in German, Dutch and Scandinavian",
        r"\pL(?:straße|strasse|str\.|gasse|allee|platz|straat|laan|plein|gracht|vägen|gatan|gata)"
        r" [1-9][0-9]{0,3} ?[a-z]?\b",
        r"(?:stra[^ ]{1,2}e|str\.|gasse|allee|platz|straat|laan|plein|gracht|gatan|gata|gen) [1-9]",
    ),
    Detector(
        "postal_address",
        "number, kind and name of a street",
        "UPU S42: the delivery line in French",
        r"(?:^|[^\pL\pN_.-])[1-9][0-9]{0,3}(?: ?(?:bis|ter|quater))?,? "
        r"(?i:rue|avenue|boulevard|chemin|impasse|allée|quai|cours) "
        rf"(?:de la |de l'|des |du |de |d')?{_WORD}",
        r"[0-9A-Za-z],? (?i:rue|avenue|boulevard|chemin|impasse|all[^ ]{1,2}e|quai|cours) ",
    ),
    Detector(
        "postal_address",
        "kind, name and number of a street",
        "UPU S42: the delivery line in Spanish, Italian, Portuguese and Polish",
        r"(?:^|[^\pL\pN_])(?:Calle|C/|Avenida|Avda\.?|Paseo|Plaza|Via|Viale|Piazza|Corso|Rua"
        rf"|Praça|ul\.) (?:de la |de los |de |del |della |di |da |do )?{_WORD}(?: {_WORD})?,? "
        r"(?:n[º°.] ?)?[1-9][0-9]{0,3}\b",
        r"(?:Calle|C/|Avenida|Avda\.?|Paseo|Plaza|Via|Viale|Piazza|Corso|Rua|Pra[^ ]{1,2}a|ul\.) ",
    ),
)
