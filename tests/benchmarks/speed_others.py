"""Against scikit-activeml's loop, and slow strategies against their plain formulas."""

from dataclasses import replace

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import rbf_kernel
from speed_loops import engine, engine_loop, head, interleaved, row, table, task_of, times_faster

from albench.core.registry import build, resolve
from albench.strategies.expected import expected_losses
from albench.strategies.quire import Quire
from albench.strategies.uncertainty import shannon
from albench.testing import make_query

METHODS = {"margin": "margin_sampling", "entropy": "entropy"}


def their_loop(X, y, make, method, budget, refit):
    """scikit-activeml's cycle: fit, score, query, label.

    make   () -> scikit-learn classifier
    refit  whether `query` fits the classifier again, as it does by default
    """
    from skactiveml.classifier import SklearnClassifier
    from skactiveml.pool import UncertaintySampling

    task, _ = task_of(X, y, budget=budget)
    labels = np.full(len(task.y), np.nan)
    labels[task.start] = task.y[task.start]
    model = SklearnClassifier(make(), classes=np.arange(task.n_classes), random_state=0)
    strategy = UncertaintySampling(method=METHODS[method], random_state=0)
    accuracies = []
    for n in range(len(task.start), budget + 1):
        model.fit(task.X, labels)
        accuracies.append(model.score(task.X_test, task.y_test))
        if n < budget:
            picked = strategy.query(task.X, labels, model, fit_clf=refit)
            labels[picked] = task.y[picked]
    return accuracies


def converged():
    """The canonical logistic regression through scikit-learn."""
    return build("model", resolve("model", "logreg"))(0)


def own_loop(times):
    """Breast cancer: 300 labels, two classes; digits: 120 labels, ten classes."""
    yield (
        "Logistic regression, start 20, batch 1, the cut, test accuracy and query counted. Theirs: "
        "`SklearnClassifier` and `UncertaintySampling`, `LogisticRegression` at its default "
        "tolerance or converged as `logreg` is; `query` as it is by default, where it fits the "
        f"classifier once more, or with `fit_clf=False`. In turn, medians of {times}."
    )
    yield ""
    yield head(
        "data",
        "labels",
        "strategy",
        "theirs",
        "theirs s",
        "`fit_clf=False` s",
        "albench s",
        "ratio",
        "`fit_clf=False`",
        "goal",
        "",
    )
    cases = [("wdbc", 300, m, LogisticRegression, times, 30) for m in METHODS]
    cases += [
        ("digits", 120, m, make, max(1, times // 5), None)
        for make in (LogisticRegression, converged)
        for m in METHODS
    ]
    for name, budget, method, make, many, goal in cases:
        X, y = table(name)
        ours = lambda: engine_loop(X, y, "logreg", method, budget=budget)  # noqa: B023, E731
        ours()
        again, once, fast = interleaved(
            many,
            *(
                lambda refit=refit: their_loop(X, y, make, method, budget, refit)  # noqa: B023
                for refit in (True, False)
            ),
            ours,
        )
        short = "**short**" if goal and again / fast < goal else ""
        yield row(
            name,
            budget,
            method,
            "default" if make is LogisticRegression else "converged",
            f"{again:.3f}",
            f"{once:.3f}",
            f"{fast:.4f}",
            times_faster(again / fast),
            times_faster(once / fast),
            f"{goal} x" if goal else "reported",
            "; ".join(filter(None, (short, "" if many == times else f"runs: {many}"))),
        )


SAMPLED = 8  # queries of a run of QUIRE that the slow ways answer


def asked(name, n_labeled):
    """A query on a dataset after so many labels, a start drawn at random."""
    task, _ = task_of(*table(name), start=n_labeled)
    labeled = np.sort(task.start)
    model = converged()
    query = make_query(task.X, labeled, task.y[labeled], 1, task.n_classes, model=model)
    return task, query


def by_definition(query, gamma, regularisation):
    """(m,) QUIRE's objective: for each row and sign, the free labels minimised by a solve."""
    inverse, signs = quire_form(query, gamma, regularisation)
    losses = np.empty(len(query.pool))
    for i, at in enumerate(query.pool):
        free, kept = query.pool[query.pool != at], np.append(query.labeled, at)
        both = np.vstack([np.append(signs, 1.0), np.append(signs, -1.0)]).T
        linear = inverse[np.ix_(free, kept)] @ both
        best = -np.linalg.solve(inverse[np.ix_(free, free)], linear)
        fixed = np.einsum("ij,ij->j", both, inverse[np.ix_(kept, kept)] @ both)
        losses[i] = (fixed + np.einsum("ij,ij->j", linear, best)).max()
    return losses


def by_update(query, gamma, regularisation):
    """(m,) the same with the inverse over the free rows updated, as Huang et al. (2010) do."""
    inverse, signs = quire_form(query, gamma, regularisation)
    pool, whole = query.pool, np.linalg.inv(inverse[np.ix_(query.pool, query.pool)])
    losses = np.empty(len(pool))
    for i, at in enumerate(pool):
        rest = np.delete(np.arange(len(pool)), i)
        part = whole[np.ix_(rest, rest)]
        part = part - np.outer(whole[rest, i], whole[i, rest]) / whole[i, i]
        kept = np.append(query.labeled, at)
        both = np.vstack([np.append(signs, 1.0), np.append(signs, -1.0)]).T
        linear = inverse[np.ix_(pool[rest], kept)] @ both
        fixed = np.einsum("ij,ij->j", both, inverse[np.ix_(kept, kept)] @ both)
        losses[i] = (fixed - np.einsum("ij,ij->j", linear, part @ linear)).max()
    return losses


def quire_form(query, gamma, regularisation):
    """The matrix of the quadratic form, and the labels as signs."""
    kernel = rbf_kernel(query.X, gamma=gamma)
    kernel[np.diag_indices_from(kernel)] += regularisation
    return np.linalg.inv(kernel), np.where(query.y_labeled == 1, 1.0, -1.0)


def their_quire(query, gamma):
    """scikit-activeml's utilities."""
    from skactiveml.pool import Quire

    labels = np.full(len(query.X), np.nan)
    labels[query.labeled] = query.y_labeled
    strategy = Quire(classes=np.arange(2), metric_dict={"gamma": gamma}, random_state=0)
    return -strategy.query(query.X, labels, return_utilities=True)[1][0][query.pool]


def whole_run(task, query):
    """The queries of a run of QUIRE from that one on, until two rows are left."""
    strategy, queries = Quire(), [query]
    while len(query.pool) > 2:
        labeled = np.sort(np.append(query.labeled, query.pool[strategy.losses(query).argmin()]))
        query = replace(
            query,
            labeled=labeled,
            y_labeled=task.y[labeled],
            pool=np.setdiff1d(query.pool, labeled),
        )
        queries.append(query)
    return queries


def quire(times):
    """All queries of a run in closed form against some that go through the candidates."""
    yield (
        "All queries of a run, batch 1 to the last two rows, all pool rows scored, two classes. "
        "Per candidate: the free labels minimised by a solve for each row (the definition), or "
        "with the inverse updated row by row as published; `Quire` of scikit-activeml. Of these "
        f"{SAMPLED} queries, evenly spaced, are timed, and scaled. In turn, medians of {times}; "
        "the values agree with ours to the digits in the last column. First query: the ratio to "
        "the definition, once, with nothing learnt before and cold caches."
    )
    yield ""
    yield head(
        "data (pool)",
        "labels",
        "queries",
        "solve s",
        "update s",
        "scikit-activeml s",
        "albench s",
        "ratio: solve",
        "update",
        "scikit-activeml",
        "goal",
        "",
        "first query",
        "largest gap",
    )
    for name, labels in (("heart", 20), ("wdbc", 20), ("wdbc", 100), ("australian", 20)):
        task, first = asked(name, labels)
        gamma, queries = 1 / first.X.shape[1], whole_run(task, first)
        some = [queries[i] for i in np.linspace(0, len(queries) - 1, SAMPLED).astype(int)]

        def ours(queries=queries):
            queries[0].memo.clear()
            strategy = Quire()
            return [strategy.losses(query) for query in queries]

        def one(queries=queries):
            return Quire().losses(queries[0])

        calls = [
            lambda how=how: [how(query) for query in some]  # noqa: B023
            for how in (
                lambda q: by_definition(q, gamma, 1.0),  # noqa: B023
                lambda q: by_update(q, gamma, 1.0),  # noqa: B023
                lambda q: their_quire(q, gamma),  # noqa: B023
            )
        ]
        known = ours()
        due = [known[next(i for i, q in enumerate(queries) if q is query)] for query in some]
        gap = max(
            float(np.abs(a / b - 1).max())
            for call in calls
            for a, b in zip(call(), due, strict=True)
        )
        *slow, fast = interleaved(times, *calls, ours)
        slow = [s * len(queries) / SAMPLED for s in slow]
        start, own = interleaved(times, lambda: by_definition(first, gamma, 1.0), one)  # noqa: B023
        yield row(
            f"{name} ({len(first.pool)})",
            labels,
            len(queries),
            *(f"{s:.2f}" for s in slow),
            f"{fast:.4f}",
            *(times_faster(s / fast) for s in slow),
            "300 x",
            "" if slow[0] / fast >= 300 else "**short**",
            times_faster(start / own),
            f"{gap:.0e}",
        )


def expected_error(times):
    """`eer_log` for logreg, 50 candidates, against refits with scikit-learn."""
    yield (
        "One query of `eer_log`: 50 candidates, both labels, so 100 refits, the loss summed over "
        "the pool (500 rows at most). The fit of the query model is not counted. scikit-learn: "
        "`LogisticRegression` refitted at its default tolerance, or converged as `logreg` is. "
        f"In turn, medians of {max(times, 5)}; largest gap: of the scores, converged."
    )
    yield ""
    yield head(
        "data (pool, d)",
        "labels",
        "default ms",
        "converged ms",
        "albench ms",
        "ratio: default",
        "converged",
        "goal",
        "",
        "largest gap",
    )
    cases = [("wdbc", n) for n in (20, 60, 150)] + [("heart", 60), ("australian", 60)]
    for name, labels in [*cases, ("splice", 60)]:
        task, query = asked(name, labels)
        learner = engine(task, "logreg")
        warm = learner.fit(query.labeled, query.y_labeled)
        cold = learner.plain.fit(query.labeled, query.y_labeled)
        ways = [
            (cold, lambda seed: LogisticRegression()),
            (cold, lambda s: converged()),
            (warm, learner.make),
        ]
        calls = [lambda way=way: losses(query, *way) for way in ways]  # noqa: B023
        _, due, ours = [call() for call in calls]
        tried = np.isfinite(due)
        gap = float(np.abs(due[tried] - ours[tried]).max())
        default, tight, fast = interleaved(max(times, 5), *calls)
        short = "" if default / fast >= 30 else "**short**"
        yield row(
            f"{name} ({len(query.pool)}, {task.X.shape[1]})",
            labels,
            *(f"{1e3 * s:.2f}" for s in (default, tight, fast)),
            times_faster(default / fast),
            times_faster(tight / fast),
            "30 x",
            short,
            f"{gap:.0e}",
        )


def losses(query, fitted, make):
    """The scores of `eer_log` with a fitted query model and a way to make new ones."""
    given = replace(query, fit=lambda: fitted, make_model=make, rng=np.random.default_rng(0))
    return expected_losses(given, shannon, 50, 500)
