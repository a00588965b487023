"""care/delay_risk: a real model that does not look ahead, and an evaluation that can be checked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from reference_data import airline, connection, make, module, raw

from mesh_defs.product.inputs import RunContext

pytestmark = pytest.mark.xdist_group("risk")
risk = module("care/delay_risk")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    database: Path = airline(tmp_path_factory.mktemp("airline"))
    found = connection(database)
    make(found, "operations/flights", "flights", flights="ops.flights")
    make(found, "weather/observations", "observations", weather=raw("weather"))
    return found


@pytest.fixture(scope="module")
def results(made: duckdb.DuckDBPyConnection) -> dict[str, pa.Table]:
    context = RunContext(datetime.now(UTC), "test", "mesh://care/delay_risk", made)
    outcome: dict[str, pa.Table] = risk.transform(context)
    return outcome


def test_features_do_not_know_what_happened_later(made: duckdb.DuckDBPyConnection) -> None:
    """Change everything that happened and was observed after a moment: what is known until then
    about any flight stays the same."""
    moment = "timestamptz '2023-07-10 12:00:00+00'"
    features = ", ".join(risk.FEATURES)
    known = f"select flight_id, {features} from ({{}}) where known_at <= {moment}"
    before = known.format(risk.FLIGHTS_WITH_FEATURES)
    made.execute(f"create or replace temp table before_change as {before}")
    made.execute(
        f"""
        create or replace temp view flights as select * replace (
            case when departed_at < {moment} then departed_at
                else departed_at + interval 5 hour end as departed_at,
            case when departed_at < {moment} then departure_delay_minutes
                else departure_delay_minutes + 300 end as departure_delay_minutes,
            case when departed_at < {moment} then arrival_delay_minutes end as arrival_delay_minutes
        ) from memory.flights
        """
    )
    made.execute(
        f"""
        create or replace temp view observations as select * replace (
            case when observed_at <= {moment} then visibility_miles else 0 end as visibility_miles
        ) from memory.observations
        """
    )
    try:
        made.execute(f"create or replace temp table after_change as {before}")
    finally:
        made.execute("drop view temp.flights")
        made.execute("drop view temp.observations")
    count = made.execute("select count(*) from before_change").fetchone()
    assert count is not None
    assert count[0] > 100_000
    changed = "select * from before_change except select * from after_change"
    assert made.execute(changed).fetchall() == []


def test_predictions_are_of_the_last_month_alone(results: dict[str, pa.Table]) -> None:
    predictions = results["delay_risk"]
    days = {value.as_py().isoformat()[:7] for value in predictions["flight_date"].unique()}
    assert days == {"2023-12"}
    assert predictions.num_rows == 33_362


def test_the_evaluation_is_what_the_predictions_give(
    made: duckdb.DuckDBPyConnection, results: dict[str, pa.Table]
) -> None:
    """Area under the curve by its definition (Mann-Whitney), and the mean squared error, by SQL."""
    made.register("predicted", results["delay_risk"])
    row = made.execute(
        """
        with judged as (
            select risk, cancelled or diverted or arrival_delay_minutes >= 15 as disrupted
            from predicted join flights using (flight_id)
        ), ranked as (
            select *, rank() over (order by risk) + (count(*) over (partition by risk) - 1) / 2 as r
            from judged
        ), sums as (
            select
                sum(r) filter (disrupted) as ranks,
                count(*) filter (disrupted) as yes,
                count(*) filter (not disrupted) as no,
                avg((risk - disrupted::integer) ** 2) as brier
            from ranked
        )
        select (ranks - yes * (yes + 1) / 2) / (yes * no), brier from sums
        """
    ).fetchone()
    made.unregister("predicted")
    assert row is not None
    evaluation = {
        (r["metric"], r["segment"]): (r["value"], r["reference"])
        for r in results["evaluation"].to_pylist()
    }
    assert evaluation["auc", "all"][0] == pytest.approx(row[0], abs=1e-9)
    assert evaluation["brier", "all"][0] == pytest.approx(row[1], abs=1e-9)
    value, without_model = evaluation["brier", "all"]
    assert value < without_model


def test_the_same_data_gives_the_same_risks(
    made: duckdb.DuckDBPyConnection, results: dict[str, pa.Table]
) -> None:
    context = RunContext(datetime.now(UTC), "again", "mesh://care/delay_risk", made)
    assert risk.transform(context)["delay_risk"].equals(results["delay_risk"])
