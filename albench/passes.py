"""An analysis of what was bought over all runs of a suite, cut by cut, on several processes."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from albench import registry
from albench.clock import one_thread
from albench.cuts import cuts
from albench.spec import RunSpec

if TYPE_CHECKING:
    import pandas as pd

Analysis = Callable[..., Any]
FEW = 4  # cuts per process below which starting it takes longer than it saves


def over_cuts(
    analysis: Analysis,
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    specs: Sequence[RunSpec],
    jobs: int = 1,
    plugins: Sequence[str] = (),
    **more: Any,
) -> Any:
    """What an analysis returns, each cut (dataset, protocol, trial) worked on by itself.

    analysis  (runs, rounds, cuts, **more) -> a frame, or a tuple of frames, with a row for
              each run; it must not pool over trials
    specs     the finished runs
    jobs      processes, -1 for all cores; the frames are the same whatever their number
    """
    import pandas as pd
    from joblib import Parallel, cpu_count, delayed

    units = blocks(specs)
    if not units:
        return analysis(runs, rounds, iter(()), **more)
    jobs = cpu_count() if jobs < 0 else jobs
    tables = parts(units, runs, rounds)
    found = Parallel(n_jobs=max(1, min(jobs, len(units) // FEW)), batch_size=1)(
        delayed(of_unit)(analysis, *part, unit, tuple(plugins), more)
        for part, unit in zip(tables, units, strict=True)
    )
    several = isinstance(found[0], tuple)
    columns = zip(*found, strict=True) if several else [found]
    frames = tuple(pd.DataFrame([row for part in column for row in part]) for column in columns)
    return frames if several else frames[0]


def blocks(specs: Sequence[RunSpec]) -> list[tuple[RunSpec, ...]]:
    """The runs on each cut."""

    def key(spec: RunSpec) -> Any:
        return spec.dataset, spec.protocol, spec.trial

    places = {place: i for i, place in enumerate(dict.fromkeys(map(key, specs)))}
    together = sorted(specs, key=lambda spec: places[key(spec)])
    return [tuple(part) for _, part in groupby(together, key=key)]


def parts(
    units: Sequence[Sequence[RunSpec]], runs: "pd.DataFrame", rounds: "pd.DataFrame"
) -> "list[tuple[pd.DataFrame, pd.DataFrame]]":
    """The rows of both tables that belong to each unit."""
    of = {spec.id: i for i, unit in enumerate(units) for spec in unit}
    mine = [dict(iter(table.groupby(table["run"].map(of)))) for table in (runs, rounds)]
    return [(mine[0][i], mine[1].get(i, rounds.iloc[:0])) for i in range(len(units))]


def of_unit(
    analysis: Analysis,
    runs: "pd.DataFrame",
    rounds: "pd.DataFrame",
    specs: Sequence[RunSpec],
    plugins: Sequence[str],
    more: dict[str, Any],
) -> Any:
    """The rows of one unit, on one BLAS thread, so that every process gives the same bits."""
    for plugin in plugins:
        registry.load_plugin(plugin)
    with one_thread():
        found = analysis(runs, rounds, cuts(specs), **more)
    if isinstance(found, tuple):
        return tuple(frame.to_dict("records") for frame in found)
    return found.to_dict("records")
