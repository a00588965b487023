"""What the gateway serves in tests of HTTP: sales that are governed, and a port of odd values."""

from __future__ import annotations

from pathlib import Path

from access_meshes import READERS, ROWS, publish, sales_files
from meshes import contract, manifest, write_mesh, write_parquet

ODD = "mesh://shop/odd"
ODD_COLUMNS = """
- {name: id, logicalType: integer, primaryKey: true, classification: public}
- {name: word, logicalType: string, classification: public}
- {name: ratio, logicalType: number, physicalType: DOUBLE, classification: public}
- {name: amount, logicalType: number, physicalType: "DECIMAL(18,4)", classification: public}
- {name: huge, logicalType: integer, physicalType: "DECIMAL(38,0)", classification: public}
- {name: moment, logicalType: timestamp, physicalType: TIMESTAMP WITH TIME ZONE,
   classification: public}
- {name: local, logicalType: timestamp, physicalType: TIMESTAMP, classification: public}
- {name: day, logicalType: date, classification: public}
- {name: good, logicalType: boolean, classification: public}
- {name: raw, logicalType: string, physicalType: BLOB, classification: public}
- {name: tags, logicalType: array, classification: public,
   items: {logicalType: string, classification: public}}
- name: place
  logicalType: object
  classification: public
  properties:
  - {name: x, logicalType: number, physicalType: DOUBLE, classification: public}
  - {name: label, logicalType: string, classification: public}
"""
ODD_ROWS = """
select * from (values
  (1, 'plain', 1.5::double, 12.3400::decimal(18,4),
   99999999999999999999999999999999999999::decimal(38,0),
   timestamptz '2026-01-31 12:00:00.123456+00', timestamp '2026-01-31 12:00:00', date '2026-01-31',
   true, '\\x00\\xFFab'::blob, ['a', null, 'c"d'],
   {'x': 1.5::double, 'label': 'here'}),
  (2, '', 'nan'::double, -0.0001::decimal(18,4), -5::decimal(38,0),
   timestamptz '1969-12-31 23:59:59+00', timestamp '1969-12-31 23:59:59.999999', date '0001-01-01',
   false, ''::blob, []::varchar[], {'x': 'nan'::double, 'label': null}),
  (3, null, null, null, null, null, null, null, null, null, null, null),
  (4, 'Zürich, "naïve" 😀 ' || chr(10) || chr(9) || chr(1) || ';=1+1', 'infinity'::double, 0, 0,
   timestamptz '2026-06-30 23:30:00+02', timestamp '9999-12-31 23:59:59', date '9999-12-31',
   true, 'x'::blob, ['😀', ''], {'x': '-infinity'::double, 'label': '{}'})
) t(id, word, ratio, amount, huge, moment, local, day, good, raw, tags, place)
"""
SECRET = "mesh://shop/secret"
HIDDEN = """
@id("nobody knows")
forbid (principal, action, resource)
when { resource == Port::"shop/secret/secret" || resource == Product::"shop/secret" }
unless { principal in Role::"auditor" };
"""
ODD_READERS = """
@id("all read odd")
permit (principal, action == Action::"read", resource == Port::"shop/odd/odd");
@id("all query odd")
permit (principal, action == Action::"query", resource == Port::"shop/odd/odd");
"""


QUERIERS = """
@id("queriers")
permit (principal in Role::"reader", action == Action::"query", resource)
when { resource == Port::"shop/sales/sales" };
"""


def http_mesh(root: Path, access: str = READERS, **more: str) -> Path:
    """The governed sales, the odd values, which everybody may read, and a secret product, of which
    only auditors may know; one version of each."""
    files = sales_files(access + ODD_READERS + HIDDEN, **more)
    files["domains/shop/odd/defs.yaml"] = manifest("inputs: {odd: files://odd}")
    files["domains/shop/odd/contract.yaml"] = contract("odd", ODD_COLUMNS)
    files["domains/shop/odd/odd.sql"] = "select * from odd"
    files["domains/shop/secret/defs.yaml"] = manifest("inputs: {sales: files://sales}")
    files["domains/shop/secret/contract.yaml"] = contract(
        "secret", "[{name: id, logicalType: integer, classification: internal, required: true}]"
    )
    files["domains/shop/secret/secret.sql"] = "select id from sales"
    write_mesh(root, {**files, **more})
    write_parquet(root, "sales", ROWS)
    write_parquet(root, "odd", ODD_ROWS)
    publish(root, "mesh://shop/sales", ODD, SECRET)
    return root


LARGE = "/shop/large/large/data"
LARGE_ROWS = 400_000


def large_files() -> dict[str, str]:
    """The files of ``shop/large``, for whose many rows a stranger has to ask."""
    names = "[{name: id, logicalType: integer, primaryKey: true, classification: confidential}, "
    names += "{name: text, logicalType: string, classification: confidential}]"
    return {
        "domains/shop/large/defs.yaml": manifest("inputs: {large: files://large}"),
        "domains/shop/large/contract.yaml": contract("large", names),
        "domains/shop/large/large.sql": "select * from large",
    }


def large_mesh(root: Path, access: str = READERS, **more: str) -> Path:
    """As `http_mesh`, with ``shop/large``."""
    http_mesh(root, access + LARGE_READERS, **more)
    write_mesh(root, {**large_files(), **more})
    rows = f"select i as id, md5(i::varchar) as text from range({LARGE_ROWS}) t(i)"
    write_parquet(root, "large", rows)
    publish(root, "mesh://shop/large")
    return root


LARGE_READERS = """
@id("controllers")
permit (principal in Role::"auditor", action == Action::"control", resource);
"""
