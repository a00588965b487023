"""The standard's own examples are read: they load, or miss only what this mesh asks for on top.

Texts from the repository bitol-io/open-data-contract-standard (Apache-2.0), docs/examples,
shortened where they repeat themselves.
"""

import pytest
from contract_documents import read

from mesh_defs.contract.rules import Custom, ForeignKey, Metric, Query, Unrunnable

HEAD = """\
version: 1.0.0
apiVersion: {version}
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
status: active
name: my_table
"""
TABLE = """\
schema:
  - name: Air_Quality
    description: Air quality of the city of New York
    authoritativeDefinitions:
      - url: https://catalog.data.gov/dataset/air-quality
        type: Reference definition on Data.gov
    dataGranularityDescription: Raw records
    physicalType: table
    tags: ['nyc', 'regional']
    properties:
    - name: UniqueID
      primaryKey: true
      businessName: Unique identifier
      logicalType: number
      physicalType: int
      quality:
"""
ACCURACY = """\
      - type: sql
        query: select count(*) from Air_Quality where DataValue <= 0 or DataValue >= 500
        mustBe: 0
        description: This column should contain positive values under 500
        dimension: accuracy
        severity: error
        businessImpact: operational
"""
COMPLETENESS = """\
      - description: This column should not contain null values
        type: library
        metric: nullValues
        mustBe: 0
        dimension: completeness
        severity: error
        businessImpact: operational
        scheduler: cron
        schedule: 0 20 * * *
"""
OLD_COMPLETENESS = """\
      - description: This column should not contain null values
        dimension: completeness
        severity: error
        rule: nullCheck
        businessImpact: operational
"""
VALIDITY = """\
      - metric: invalidValues
        mustBeLessOrEqualTo: 5
        unit: percent
        arguments:
          validValues: [null, 7]
        description: This column should be filled in 95% of the time
        dimension: conformity
        severity: error
        businessImpact: operational
"""
GREAT_EXPECTATIONS = """\
      - type: custom
        engine: greatExpectations
        implementation: |
          type: expect_table_row_count_to_be_between
          kwargs:
            minValue: 10000
            maxValue: 50000
"""
SODA = """\
      - type: custom
        dimension: uniqueness
        severity: error
        engine: soda
        implementation:
          type: duplicate_percent
          columns:
            - carrier
          must_be_less_than: 1.0
"""


@pytest.mark.parametrize(
    ("version", "rule", "kind"),
    [
        ("v3.1.0", ACCURACY, Query),
        ("v3.1.0", COMPLETENESS, Metric),
        ("v3.0.2", OLD_COMPLETENESS, Metric),
        ("v3.1.0", VALIDITY, Metric),
        ("v3.1.0", GREAT_EXPECTATIONS, Custom),
        ("v3.1.0", SODA, Unrunnable),
    ],
)
def test_quality(tmp_path, version, rule, kind):
    contract, faults = read(tmp_path, HEAD.format(version=version) + TABLE + rule)
    assert faults == []
    assert contract is not None
    assert [type(found) for found in contract.ports[0].rules if found.id != "primary_key"][
        1
    ] is kind


DATA_TYPES = """\
schema:
  - name: transactions_tbl
    description: Provides core payment metrics
    physicalType: table
    properties:
      - name: account_id
        physicalType: string
        logicalType: string
        logicalTypeOptions:
          minLength: 11
          maxLength: 11
          pattern: ACC[0-9]{8}
      - name: txn_ref_date
        physicalType: date
        logicalType: date
        logicalTypeOptions:
          exclusiveMinimum: "2020-01-01"
          maximum: "2021-01-01"
          format: yyyy-MM-dd
      - name: txn_timestamp_tz
        physicalType: timestamp
        logicalType: timestamp
        logicalTypeOptions:
          minimum: "2020-01-01 00:00:00+10:00"
          maximum: "2021-01-01 00:00:00+10:00"
          format: "yyyy-MM-dd HH:mm:ssZ"
          timezone: true
          defaultTimezone: "Australia/Sydney"
      - name: txn_time
        physicalType: time
        logicalType: time
        logicalTypeOptions:
          minimum: "00:00:00"
          maximum: "23:59:59"
          format: "HH:mm:ss"
          timezone: false
      - name: amount
        physicalType: double
        logicalType: number
        logicalTypeOptions:
          minimum: 0
          format: f32
      - name: age
        physicalType: int
        logicalType: integer
        logicalTypeOptions:
          minimum: 18
          exclusiveMaximum: 100
          format: i64
      - name: is_open
        physicalType: bool
        logicalType: boolean
      - name: latest_txns
        physicalType: list
        logicalType: array
        logicalTypeOptions:
          minItems: 0
          maxItems: 3
          uniqueItems: true
      - name: customer_details
        physicalType: json
        logicalType: object
        logicalTypeOptions:
          required:
            - num_children
            - date_of_birth
          maxProperties: 5
"""


def test_all_data_types(tmp_path):
    contract, faults = read(tmp_path, HEAD.format(version="v3.0.2") + DATA_TYPES)
    assert faults == []
    assert contract is not None
    own = {r.id.partition(".")[2] for r in contract.ports[0].rules if ".type" not in r.id}
    assert own == {
        "",
        "minLength_maxLength",
        "pattern",
        "exclusiveMinimum_maximum",
        "format",
        "timezone",
        "minimum_maximum",
        "minimum",
        "minimum_exclusiveMaximum",
        "minItems_maxItems",
        "uniqueItems",
        "required_properties",
        "maxProperties",
        "json",
    }
    assert not [rule for rule in contract.ports[0].rules if isinstance(rule, Unrunnable)]


SERVERS_AND_PEOPLE = """\
tenant: ClimateQuantumInc
dataProduct: my quantum
servers:
  - server: my-postgres
    type: postgres
    host: localhost
    port: 5432
    database: pypl-edw
    schema: pp_access_views
  - server: my-kafka
    type: kafka
    host: pkc-7xoy1.eu-central-1.aws.confluent.cloud:9092
    format: avro
price:
  priceAmount: 9.95
  priceCurrency: USD
  priceUnit: megabyte
team:
  - username: ceastwood
    role: dpo
    dateIn: 2014-08-02
    dateOut: "2014-10-01"
    replacedByUsername: jwayne
roles:
  - role: microstrategy_user_opr
    access: read
    firstLevelApprovers: Reporting Manager
    secondLevelApprovers: 'mandolorian'
support:
  - channel: channel-name
    tool: slack
    url: https://aidaug.slack.com/archives/C05UZRSBKLY
contractCreatedTs: 2022-11-15T02:59:43+00:00
"""


def test_what_surrounds_the_schema_is_kept(tmp_path):
    text = HEAD.format(version="v3.1.0") + SERVERS_AND_PEOPLE + TABLE + COMPLETENESS
    contract, faults = read(tmp_path, text)
    assert faults == []
    assert contract is not None
    assert contract.document.servers is not None
    assert contract.document.servers[0].schema_ == "pp_access_views"
    assert isinstance(contract.document.team, list)
    assert contract.document.team[0].dateIn == "2014-08-02"


USERS = """\
schema:
  - id: users_tbl
    name: users
    properties:
      - id: user_id_pk
        name: id
        logicalType: integer
        relationships:
          - to: schema/accounts_tbl/properties/acct_user_id
            description: "Fully qualified reference using id fields"
          - to: accounts.user_id
            description: "Shorthand reference using name fields"
          - to: https://example.com/data-contract-v1.yaml#/schema/profiles_tbl/properties/user_id
            customProperties:
              - property: description
                value: "Externally referenced contract (fully qualified)"
      - id: user_account_number
        name: account_number
        logicalType: string
    relationships:
      - type: foreignKey
        from:
          - schema/users_tbl/properties/user_id_pk
          - schema/users_tbl/properties/user_account_number
        to:
          - schema/accounts_tbl/properties/acct_user_id
          - schema/accounts_tbl/properties/acct_number
      - type: foreignKey
        from:
          - users.id
          - users.account_number
        to:
          - accounts.user_id
          - accounts.account_number
  - id: accounts_tbl
    name: accounts
    properties:
      - id: acct_user_id
        name: user_id
        logicalType: integer
        required: true
      - id: acct_number
        name: account_number
        logicalType: string
"""


def test_references(tmp_path):
    contract, faults = read(tmp_path, HEAD.format(version="v3.1.0") + USERS)
    assert faults == []
    assert contract is not None
    found = [rule for rule in contract.ports[0].rules if isinstance(rule, ForeignKey | Unrunnable)]
    assert [(rule.id, type(rule), rule.description) for rule in found] == [
        ("fk.id", ForeignKey, "Fully qualified reference using id fields"),
        ("fk.id.accounts", ForeignKey, "Shorthand reference using name fields"),
        (
            found[2].id,
            Unrunnable,
            "Externally referenced contract (fully qualified)",
        ),
        ("fk.id_account_number", ForeignKey, None),
        ("fk.id_account_number.accounts", ForeignKey, None),
    ]
    assert {rule.target for rule in found if isinstance(rule, ForeignKey)} == {"accounts"}
