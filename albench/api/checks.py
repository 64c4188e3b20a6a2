"""`verify` and `check`: are stored numbers what the code gives, and is a strategy fair?"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albench.api.tables import Files
from albench.core import registry
from albench.core.display import Displayed, Sheet
from albench.core.errors import BadResults, BadValue
from albench.core.spec import Ref
from albench.runner.worker import Options
from albench.suite import Suite
from albench.suite.toml import load_suite
from albench.testing.audit import BEYOND, Finding, check_strategy
from albench.testing.scenes import SCENES

if TYPE_CHECKING:
    import pandas as pd

    from albench.testing.verify import Verification


def verify(
    target: Suite | str | Path,
    results: Path | str | None = None,
    *,
    sample: int = 20,
    seed: int | None = None,
    allow_environment: bool = False,
    timeout: float | None = None,
    engine: str = "auto",
    plugins: Files = (),
) -> "Verification":
    """Replay stored runs from their specs, as `albench verify` does.

    Parameters
    ----------
    target : Suite, str or Path
        A suite, the path of its file, the name of a shipped one; or a folder with results.
    results : Path or str, optional
        Folder of the results of a suite, default `results/<suite>`.
    sample : int, optional
        How many runs to replay; 0: all.
    seed : int, optional
        Seeds the sample; default: drawn, so that nobody knows beforehand what is looked at.
    allow_environment : bool, optional
        Pass runs that pick other rows under other library versions or another CPU.
    timeout : float, optional
        Seconds that a run may take.
    engine : str, optional
        `auto` or `plain`.
    plugins : sequence of str or Path, optional
        Files with the strategies from outside, read by you before: nothing else is executed.

    Returns
    -------
    Verification
        `passed`, `runs` (the verdict on each), `faults`, `notes`.

    Raises
    ------
    BadResults
        For a folder that holds no results.
    CheckFailed
        Where files are not what their checksums or the schema say.
    """
    from albench.testing.verify import verify as verified

    for file in plugins:
        registry.load_plugin(file)
    folder, known, expected = place(target, results, plugins)
    options = Options((), timeout=timeout, engine=engine, plugins=tuple(map(str, plugins)))
    return verified(
        folder,
        sample,
        seed,
        known=known,
        expected=expected,
        allow_environment=allow_environment,
        options=options,
    )


def place(
    target: Suite | str | Path, results: Path | str | None, plugins: Files
) -> tuple[Path, tuple[Ref, ...], tuple[str, ...]]:
    """The folder that is verified; of its suite, where one is named, the entries that may read a
    file, and the runs."""
    folder = Path() if isinstance(target, Suite) else Path(target)
    if results is None and not folder.is_dir() and len(folder.parts) > 1 and not folder.suffix:
        raise BadResults(f"{target}: no such folder")
    if not isinstance(target, Suite) and results is None and folder.is_dir():
        return folder, (), ()
    suite = load_suite(target, tuple(plugins))
    folder = Path("results") / suite.name if results is None else Path(results)
    reading = [entry.ref for entry in (*suite.datasets, *suite.strategies)]
    rules = [dataset.under(value) for _, value in suite.protocols for dataset in suite.datasets]
    reading += [ref for one in rules for ref in (one.oracle, one.cost) if ref is not None]
    return folder, tuple(reading), tuple(spec.id for spec in suite.specs)


@dataclass(frozen=True, repr=False)
class Audited(Displayed):
    """What a check of a strategy found.

    strategy  its name
    seed      draws the data; the same seed repeats the check
    """

    strategy: str
    seed: int
    rows: tuple[Finding, ...]

    @property
    def findings(self) -> "pd.DataFrame":
        """One row per check: check, verdict, tried, found."""
        import pandas as pd

        return pd.DataFrame([vars(row) for row in self.rows])

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the checks that failed."""
        return tuple(row.check for row in self.rows if row.verdict == "fail")

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @property
    def verdict(self) -> str:
        """Whether it passed, or what failed, in a line."""
        listed = f"{len(self.failed)} checks: {', '.join(self.failed)}"
        return f"{self.strategy}: {'passed' if self.passed else listed}"

    @property
    def notes(self) -> tuple[str, ...]:
        """How the check is repeated, on what it was made, and what it cannot catch."""
        return (
            f"data drawn with seed {self.seed}; `--seed {self.seed}` repeats this check",
            f"scenes: {'; '.join(scene.name for scene in SCENES)}",
            *BEYOND,
        )

    def sheet(self) -> Sheet:
        """The verdict, and all checks."""
        return Sheet(f"strategy {self.verdict}", frame=self.findings, notes=self.notes)


def check(
    strategy: str | Path | Callable[..., Any],
    *,
    seed: int | None = None,
    plugins: Files = (),
) -> Audited:
    """Check that a strategy keeps the contract and does not peek, as `albench check` does.

    Parameters
    ----------
    strategy : str, Path, function or class
        Its name; the path of a file that defines one; or the strategy itself.
    seed : int, optional
        Repeats a check; default: the data are drawn afresh, so that no strategy can know them.
    plugins : sequence of str or Path, optional
        Files with entries of one's own.

    Returns
    -------
    Audited
        `passed`, `findings` (one row per check), `notes`.

    Raises
    ------
    UnknownName
        Where there is no such strategy.
    """
    import secrets

    for file in plugins:
        registry.load_plugin(file)
    if callable(strategy):
        name = registry.adopt(strategy)
    else:
        name = only_one(Path(strategy)) if Path(strategy).suffix == ".py" else str(strategy)
    seed = secrets.randbits(31) if seed is None else seed
    return Audited(name, seed, tuple(check_strategy(name, seed)))


def only_one(file: Path) -> str:
    """The strategy of a plugin file; raises BadValue where it has none or several."""
    registry.load_plugin(file)
    home = str(file.expanduser().resolve())
    names = sorted(e.name for e in registry.ENTRIES["strategy"].values() if e.plugin == home)
    if len(names) != 1:
        said = f"defines {', '.join(names)}: name one of them" if names else "defines no strategy"
        raise BadValue(f"{file} {said}")
    return names[0]
