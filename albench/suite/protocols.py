"""Named protocols, published ones too. A protocol is a value: add one here and it has its name.

Each text says what is verified (read in released code, or reproduced to the digit), what
is inferred, and what differs from the paper.
"""

from albench.core.errors import UnknownName
from albench.core.registry import entry
from albench.core.spec import Protocol
from albench.core.traits import did_you_mean

LU = """40 % test, 20 first labels, one label at a time until the pool is empty (Lu et al. 2023)

The split is that of the released code bit for bit; the trial is its seed (0 to 149 for
n < 2000, else 0 to 14). A seed whose start lacks a class is skipped, and later seeds take
its place up to the published number of trials (100, or 10): in a suite
`trials = {seeds = "0-149", take = 100}`. Features are standardised on all train rows.
Its area is the summary `aubc_lu2023`: the accuracies after query 1 to q, trapezoids
divided by q and not q - 1, rounded to five decimals; it lies below the textbook area.
Verified: mean and standard deviation of Uniform, US-C, Core-Set and Graph on appendicitis,
parkinsons and heart come out to the printed digit (model svc-rbf-libsvm).
Inferred: on ten datasets the table rests on another subset of the seeds 0 to 149.
Differs: scores within 1e-6 of the best tie and go to the first row in pool order; theirs
are sorted to the bit, equal ones as numpy's unstable sort leaves them. It matters where rows
are duplicated (mammographic); elsewhere it moves a last digit (suites/lu2023.md)."""

LU_EXACT = (
    LU.partition("Differs:")[0]
    + """Verified too: german, US-C, seeds 8 and 28: .75265 and .74740, as released
(.74891 and .74760 under `lu2023`).
Differs: scores tie where they are equal to the bit and go to the first row in pool order; theirs
are as numpy's unstable sort leaves them, which matters where rows are duplicated."""
)

ZHAN = """40 % test, 20 first labels with two of each class, one label at a time (Zhan et al. 2021)

Verified in the released code: one generator of the standard library is seeded with 4666
when a program starts and draws trial after trial, int(0.4 n) test rows and then starts
until each class has two rows; the start stands first, the rest of the pool in file order;
the task SVC sees features standardised on the labelled rows, the strategies see raw ones.
The area is the textbook one, rounded to three decimals per trial.
Inferred: batch 1 (the programs take it as an argument); ties to the first row in pool order.
Differs: strategies that draw from the same generator moved the published splits of later
trials; here every strategy meets the same splits. The printed `Random` takes rows in pool
order, which is the order of the file: strategy `pool_order`."""

ALPBENCH = """33 % test, stratified start of {start}, batches of {batch}, 20 rounds ({paper})

Verified in the released code: test share, start, batch, rounds, stratification, one row on
top for each class that the start lacks.
Inferred: features are standardised on all train rows.
Differs: the rows drawn are ours, not those of the published generator; the budget counts
labels, so the last round is smaller by the rows added for missing classes."""

BAHRI = """20 % test, start of {start}, batches of {batch}, 20 rounds (as Bahri et al. 2022)

Verified in the paper: starts, batches, rounds, OpenML-CC18 as the source.
Inferred: a random test part of 20 %, a start with every class, standardised features.
Differs: their network is not among the models here, so these are the settings of the
paper and no reproduction of its numbers."""

OPENAL = """20 % test, start and batches of 0.1 % of the rows, 10 rounds (Abraham et al. 2023)

Verified in the released code: start and batch of 0.1 % of the rows, a start with every
class, 10 rounds, 20 % stratified test, 10 repeats.
Inferred: standardised features.
Differs: the share is 0.125 % of the train rows, which is 0.1 % of all rows but for rounding; the
splits are ours; what the rounding leaves of 1.1 % is bought in a last small round. Where the
classes outnumber 0.1 % of the rows the dataset is too small."""

DESREUMAUX = """5 x 5 folds, 2 first labels, one at a time up to 250 (Desreumaux and Lemaire 2020)

Verified in the paper: folds, runs, start, batch, budget, logistic regression and random
forest as task models, accuracy.
Inferred: stratified folds; the two first labels are one of each class (the datasets have
two classes); standardised features.
Differs: the folds drawn are ours. Use `trials = 25`."""

OGAL = """5 splits x 20 starts of one label a class, batches of {batch} (OGAL, Gonsior et al. 2025)

Verified in the paper: splits, starts, batch sizes 1, 5, 10, 20, 50 and 100, up to 100
rounds, random forest, RBF SVM and MLP, area under the weighted F1.
Inferred: random splits, standardised features.
Differs: the budget is {budget} labels, those of the start included, where the paper counts
100 rounds after it; the splits drawn are ours. Use `trials = 100`."""

BENZ = """30 % test, no first labels, batches of {batch}, 60 rounds (Benz 2024)

The split is that of the released code bit for bit; the trial is its seed (0 to 9). The strategy
chooses the first batch without a label; the published first value is that of round 1 here.
Verified: the published picks, replayed through this split (strategy `recorded`), give the
published accuracy, AUROC, F1, Brier score, log loss and average precision to the printed digit
(suites/benz2024.md says of how many values).
Inferred: who chooses first where a strategy needs a model; here it is drawn at random.
Differs: their strategies saw 10,000 of the pool rows, drawn anew each round, where it is larger;
here they see all. Their forest had no seed, so its values are not to be had again."""

CDALBENCH = """The source's test rows, one first label a class, one at a time (Werner et al. 2024)

Verified in the paper: fixed test sets, start, budgets (splice 400, dna 300, usps 900 labels:
`{{use = "cdalbench-tabular", budget = 300}}`), 50 restarts.
Inferred: batch 1, standardised features.
Differs: their network (24-12) is trained otherwise than scikit-learn's; compare ranks only.
The dataset needs test rows of its own: train and test file joined, `n_test` rows last."""


def alpbench(start: int, batch: int) -> Protocol:
    """A setting of ALPBench."""
    return Protocol(
        split="alpbench",
        test=0.33,
        start=start,
        start_rule="cover",
        batch=batch,
        budget=start + 20 * batch,
    )


def bahri(start: int, batch: int) -> Protocol:
    """A setting of Bahri et al."""
    return Protocol(
        test=0.2, start=start, start_rule="cover", batch=batch, budget=start + 20 * batch
    )


def ogal(batch: int) -> Protocol:
    """A setting of OGAL."""
    return Protocol(
        test=0.4,
        starts_per_split=20,
        start=1,
        start_rule="per_class",
        batch=batch,
        budget=100 * batch,
    )


SIZES = {"small": (30, 10), "medium": (100, 50), "large": (300, 200)}
PUBLISHED: dict[str, tuple[Protocol, str]] = {
    "lu2023": (
        Protocol(split="lu2023", start=20, missing="skip", batch=1, budget="pool", scale="train"),
        LU,
    ),
    "lu2023-exact": (
        Protocol(
            split="lu2023", missing="skip", batch=1, budget="pool", scale="train", tolerance=0.0
        ),
        LU_EXACT,
    ),
    "zhan2021": (
        Protocol(split="zhan2021", start=20, batch=1, budget="pool", scale="labeled"),
        ZHAN,
    ),
    "openal": (
        Protocol(
            split="stratified",
            test=0.2,
            start=0.00125,
            start_rule="cover",
            batch=0.00125,
            budget=0.01375,
        ),
        OPENAL,
    ),
    "desreumaux2020": (
        Protocol(split="folds", test=0.2, start=2, start_rule="cover", batch=1, budget=250),
        DESREUMAUX,
    ),
    **{
        name: (
            Protocol(
                split="benz2024", test=0.3, start=0, batch=batch, budget=60 * batch, scale="train"
            ),
            BENZ.format(batch=batch),
        )
        for name, batch in (("benz2024", 10), ("benz2024-1", 1), ("benz2024-50", 50))
    },
    "cdalbench-tabular": (
        Protocol(test="source", start=1, start_rule="per_class", batch=1, budget=400),
        CDALBENCH.format(),
    ),
}
for size, (start, batch) in SIZES.items():
    PUBLISHED[f"alpbench-{size}"] = (
        alpbench(start, batch),
        ALPBENCH.format(start=start, batch=batch, paper="Margraf et al. 2024, ALPBench"),
    )
    PUBLISHED[f"bahri2022-{size}"] = (
        bahri(start, batch),
        BAHRI.format(start=start, batch=batch),
    )
PUBLISHED |= {
    "ogal" if n == 1 else f"ogal-{n}": (ogal(n), OGAL.format(batch=n, budget=100 * n))
    for n in (1, 5, 10, 20, 50, 100)
}

PROTOCOLS: dict[str, tuple[Protocol, str]] = {
    "standard": (
        Protocol(),
        "40 % test, 20 random first labels, batches of 10 up to 200 labels",
    ),
    "small-batch": (
        Protocol(start=10, batch=1, budget=100),
        "40 % test, 10 random first labels, one label at a time up to 100",
    ),
    "large-batch": (
        Protocol(start=50, batch=50, budget=500),
        "40 % test, 50 random first labels, batches of 50 up to 500 labels",
    ),
    **PUBLISHED,
}


def protocol(name: str) -> Protocol:
    """The protocol of that name; raises UnknownName with a suggestion."""
    if name not in PROTOCOLS:
        raise UnknownName(f"unknown protocol {name!r}{did_you_mean(name, PROTOCOLS)}")
    return PROTOCOLS[name][0]


def protocol_name(value: Protocol) -> str:
    """The name of a protocol, or what differs from a named one: `standard (batch 1)`.

    The named one is that with the fewest other fields, the first among equals; so one value
    has one name, whatever a suite derived it from.
    """
    for name, (known, _) in PROTOCOLS.items():
        if known == value:
            return name
    nearest = min(PROTOCOLS, key=lambda name: len(differing(value, name)))
    told = ", ".join(f"{key} {shown}" for key, shown in differing(value, nearest).items())
    return f"{nearest} ({told})"


def differing(value: Protocol, name: str) -> dict[str, str]:
    """The fields in which a protocol differs from a named one, as text."""
    known = PROTOCOLS[name][0]
    found = {
        key: text
        for key, text in value.shown().items()
        if getattr(value, key) != getattr(known, key)
    }
    return found | ({"oracle": spelled(value)} if "oracle" in found else {})


def spelled(value: Protocol) -> str:
    """The oracle of a protocol with all its numbers, defaults too: `uniform(rate=0.1)`."""
    ref = value.oracle
    about = entry("oracle", ref.name).parameters
    numbers = {key: p.default for key, p in about.items() if isinstance(p.default, float)}
    told = (
        f"{key}={getattr(v, 'label', v)}" for key, v in sorted({**numbers, **ref.kwargs}.items())
    )
    shown = ", ".join(told)
    return f"{ref.name}({shown})" if shown else ref.name


def with_oracle(label: str, value: Protocol) -> str:
    """A suite's label of a protocol, with its oracle where that errs and is not told."""
    shown = spelled(value)
    told = value.oracle.name == "exact" or shown in label
    return label if told else f"{label} (oracle {shown})"
