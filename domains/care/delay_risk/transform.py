"""The risk that a flight is disrupted, as one could know it three hours before its plan.

Learned from January to October, calibrated on November, judged on December of 2023: in the order of
time, because a flight's neighbours in time share its storm, and a random split would leak it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import numpy as np
    import pyarrow as pa

    from mesh_defs.product.inputs import RunContext

    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Bools = np.ndarray[Any, np.dtype[np.bool_]]

SEED = 2023
CALIBRATE_FROM = "2023-11-01"
JUDGE_FROM = "2023-12-01"
TRAIN_EVERY = 3  # flights; a third of them gives the same quality in a third of the time
IMPORTANCE_EVERY = 3  # flights
DECILES = 10
RAISED, HIGH = 0.2, 0.4  # lower bounds of the bands of risk

CATEGORIES = ("carrier", "origin", "destination")
NUMBERS = (
    "local_hour",
    "weekday",
    "planned_departures",
    "distance_miles",
    "recent_departures",
    "recent_delay_minutes",
    "recent_late_share",
    "temperature_f",
    "dew_point_f",
    "wind_speed_mph",
    "precipitation_inches",
    "pressure_hpa",
    "visibility_miles",
)
FEATURES = (*CATEGORIES, *NUMBERS)

# Everything that is joined to a flight was known at known_at: the schedule, the weather of that
# hour, and the departures of the three hours before it.
FLIGHTS_WITH_FEATURES = """
with planned as (
    select
        flight_id,
        flight_date,
        carrier,
        origin,
        destination,
        scheduled_departure_at,
        date_trunc('hour', scheduled_departure_at) - interval 3 hour as known_at,
        hour(scheduled_departure_local) as local_hour,
        isodow(flight_date) as weekday,
        count(*) over (partition by origin, date_trunc('hour', scheduled_departure_at))
            as planned_departures,
        distance_miles,
        cancelled or diverted or arrival_delay_minutes >= 15 as disrupted
    from flights
),

departed as (
    select
        origin,
        date_trunc('hour', departed_at) as hour,
        count(*) as departures,
        sum(departure_delay_minutes) as delay_minutes,
        count(*) filter (where departure_delay_minutes >= 15) as late
    from flights
    where departed_at is not null
    group by all
),

recent as (
    select
        origin,
        hour + to_hours(hours_ago) as known_at,
        sum(departures) as departures,
        sum(delay_minutes) / sum(departures) as delay_minutes,
        sum(late) / sum(departures) as late_share
    from departed
    cross join (values (1), (2), (3)) as window_of_hours (hours_ago)
    group by all
)

select
    planned.*,
    coalesce(recent.departures, 0) as recent_departures,
    recent.delay_minutes as recent_delay_minutes,
    recent.late_share as recent_late_share,
    observations.temperature_f,
    observations.dew_point_f,
    observations.wind_speed_mph,
    observations.precipitation_inches,
    observations.pressure_hpa,
    observations.visibility_miles
from planned
left join recent
    on planned.origin = recent.origin and planned.known_at = recent.known_at
left join observations
    on planned.origin = observations.station and planned.known_at = observations.observed_at
order by planned.scheduled_departure_at, planned.flight_id
"""


@dataclass(frozen=True)
class Test:
    """The flights that the model is judged by. ``base_rate`` is the share of disrupted flights
    before them, which is the best guess without a model."""

    features: Floats
    disrupted: Bools
    risk: Floats
    origin: np.ndarray[Any, Any]
    base_rate: float


@dataclass(frozen=True)
class Model:
    """A trained classifier and its calibration (Platt scaling on the log odds)."""

    classifier: Any
    calibration: Any

    def risk(self, features: Floats) -> Floats:
        """The calibrated probability of disruption of each row."""
        odds = _log_odds(self.classifier.predict_proba(features)[:, 1])
        risk: Floats = self.calibration.predict_proba(odds)[:, 1]
        return risk


def transform(context: RunContext) -> dict[str, pa.Table]:
    """Predictions for the last month, and how good they are. The query reads all inputs by name."""
    import numpy as np
    import pyarrow as pa

    flights = context.connection.sql(FLIGHTS_WITH_FEATURES).to_arrow_table()
    features = _matrix(flights)
    disrupted = flights["disrupted"].to_numpy()
    day = flights["flight_date"].to_numpy().astype("datetime64[D]")
    judged = day >= np.datetime64(JUDGE_FROM)
    learned = day < np.datetime64(CALIBRATE_FROM)
    with _one_thread():
        model = _train(features, disrupted, learned, ~judged & ~learned)
        test = Test(
            features=features[judged],
            disrupted=disrupted[judged],
            risk=model.risk(features[judged]),
            origin=flights["origin"].to_numpy()[judged],
            base_rate=float(disrupted[~judged].mean()),
        )
        evaluation = _evaluate(model, test)
    return {
        "delay_risk": _predictions(flights.filter(pa.array(judged)), test.risk),
        "evaluation": evaluation,
    }


def _one_thread() -> AbstractContextManager[object]:
    """One thread for numbers: the same result on every machine, and processes that share few cores
    do not wait for each other's spinning threads."""
    from threadpoolctl import threadpool_limits

    # The limit holds for libraries that are loaded already.
    import_module("sklearn.ensemble")
    limits: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limits


def _matrix(flights: pa.Table) -> Floats:
    """One row per flight, one column per feature; missing numbers are NaN, categories are codes."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    codes = []
    for name in CATEGORIES:
        # Codes in the order of the alphabet, which does not depend on the order of the rows.
        known = pc.unique(flights[name])
        alphabet = known.take(pc.sort_indices(known))
        codes.append(pc.index_in(flights[name], value_set=alphabet).to_numpy())
    numbers = [flights[name].cast(pa.float64()).to_numpy() for name in NUMBERS]
    return np.column_stack([*codes, *numbers]).astype(np.float64)


def _train(features: Floats, disrupted: Bools, learned: Bools, calibrated: Bools) -> Model:
    """A gradient boosting classifier of the ``learned`` rows, calibrated on others."""
    import numpy as np
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    rows = np.flatnonzero(learned)[::TRAIN_EVERY]
    classifier = HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.1,
        min_samples_leaf=200,
        categorical_features=list(range(len(CATEGORIES))),
        early_stopping=False,  # it would split at random, and the order of time would leak
        random_state=SEED,
    ).fit(features[rows], disrupted[rows])
    odds = _log_odds(classifier.predict_proba(features[calibrated])[:, 1])
    return Model(classifier, LogisticRegression().fit(odds, disrupted[calibrated]))


def _log_odds(probability: Floats) -> Floats:
    import numpy as np

    inside = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(inside / (1 - inside)).reshape(-1, 1)


def _predictions(flights: pa.Table, risk: Floats) -> pa.Table:
    """One row per judged flight: its risk, and what the risk rests on."""
    import numpy as np
    import pyarrow as pa

    bands = np.array(["low", "raised", "high"])[np.digitize(risk, (RAISED, HIGH))]
    flight = ["flight_id", "flight_date", "carrier", "origin", "destination"]
    reasons = [
        "recent_delay_minutes",
        "recent_late_share",
        "planned_departures",
        "wind_speed_mph",
        "precipitation_inches",
        "visibility_miles",
    ]
    table = flights.select([*flight, "scheduled_departure_at", "known_at"])
    table = table.append_column("risk", pa.array(risk))
    table = table.append_column("band", pa.array(bands))
    for name in reasons:
        table = table.append_column(name, flights[name])
    return table


def _evaluate(model: Model, test: Test) -> pa.Table:
    """How good the risks are: one row per metric and segment, each with what to hold it against."""
    import numpy as np
    import pyarrow as pa
    from sklearn.metrics import brier_score_loss, roc_auc_score

    risk, disrupted = test.risk, test.disrupted
    decile = np.searchsorted(np.quantile(risk, np.linspace(0, 1, DECILES + 1)[1:-1]), risk)
    observed = [float(disrupted[decile == index].mean()) for index in range(DECILES)]
    predicted = [float(risk[decile == index].mean()) for index in range(DECILES)]
    sizes = [int((decile == index).sum()) for index in range(DECILES)]
    auc = float(roc_auc_score(disrupted, risk))
    guess = np.full(len(risk), test.base_rate)
    gaps = np.abs(np.subtract(observed, predicted))

    total = len(risk)
    rows: list[tuple[str, str, int, float, float]] = [
        ("auc", "all", total, auc, 0.5),
        (
            "brier",
            "all",
            total,
            float(brier_score_loss(disrupted, risk)),
            float(brier_score_loss(disrupted, guess)),
        ),
        ("calibration_error", "all", total, float(np.average(gaps, weights=sizes)), 0.0),
        ("disrupted_share", "all", total, float(disrupted.mean()), float(risk.mean())),
        ("lift", "tenth of highest risk", sizes[-1], observed[-1] / float(disrupted.mean()), 1.0),
    ]
    for origin in np.unique(test.origin):
        here = test.origin == origin
        score = float(roc_auc_score(disrupted[here], risk[here]))
        rows.append(("auc", str(origin), int(here.sum()), score, 0.5))
    for index in range(DECILES):
        segment = f"risk decile {index + 1:02}"
        rows.append(("calibration", segment, sizes[index], observed[index], predicted[index]))
    for name, flights, loss in _importance(model, test):
        rows.append(("importance", name, flights, loss, 0.0))
    names = ("metric", "segment", "flights", "value", "reference")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def _importance(model: Model, test: Test) -> list[tuple[str, int, float]]:
    """How much of the area under the ROC curve is lost when one feature's values are shuffled
    (Breiman 2001, permutation importance), measured on a sample of the flights."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    features, disrupted = test.features[::IMPORTANCE_EVERY], test.disrupted[::IMPORTANCE_EVERY]
    whole = float(roc_auc_score(disrupted, test.risk[::IMPORTANCE_EVERY]))
    random = np.random.default_rng(SEED)
    losses = []
    for column, name in enumerate(FEATURES):
        shuffled = features.copy()
        shuffled[:, column] = random.permutation(shuffled[:, column])
        score = float(roc_auc_score(disrupted, model.risk(shuffled)))
        losses.append((name, len(disrupted), whole - score))
    return losses
