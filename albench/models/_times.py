"""CPU seconds of a fit by model, recorded: written by tests/benchmarks/model_times.py."""

LABELS = (50, 500, 5000)
LIMIT = 40.0
WHERE = (
    "CPU time of a fit from scratch without engine, 20 features, 3 classes; "
    "AMD EPYC, Python 3.11.7, scikit-learn 1.9.1"
)
SECONDS: dict[str, tuple[float | None, ...]] = {
    "bagged": (0.008, 0.045, 0.84),
    "calibrated": (0.031, 0.077, 0.81),
    "catboost": (0.16, 0.93, 1.1),
    "extra-trees": (0.078, 0.11, 0.49),
    "forest": (0.1, 0.22, 1.3),
    "gnb": (0.0, 0.0, 0.0036),
    "knn": (0.0, 0.0, 0.0),
    "lda": (0.0, 0.0, 0.008),
    "lightgbm": (0.012, 0.22, 0.67),
    "logreg": (0.004, 0.0086, 0.028),
    "logreg-best": (0.048, 0.059, 0.23),
    "logreg-cv": (0.13, 0.22, 0.69),
    "logreg-lbfgs": (0.0036, 0.004, 0.012),
    "mlp": (0.062, 0.25, 2.4),
    "parzen": (0.0, 0.0, 0.0),
    "qda": (0.0, 0.0, 0.0),
    "self-training": (0.61, 0.66, 0.39),
    "sgd": (0.004, 0.011, 0.06),
    "svc-linear": (0.0, 0.004, 0.13),
    "svc-linear-libsvm": (0.0, 0.004, 0.13),
    "svc-rbf": (0.0009, 0.0061, 0.14),
}
"""Model -> seconds at so many labels; None: longer than `LIMIT`."""
