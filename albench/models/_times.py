"""CPU seconds of a fit by model, recorded: written by tests/benchmarks/model_times.py."""

LABELS = (50, 500, 5000)
LIMIT = 40.0
WHERE = (
    "CPU time of a fit from scratch without engine, 20 features, 3 classes; "
    "AMD EPYC, Python 3.11.7, scikit-learn 1.9.1"
)
SECONDS: dict[str, tuple[float | None, ...]] = {
    "bagged": (0.0079, 0.042, 0.79),
    "calibrated": (0.027, 0.053, 0.77),
    "catboost": (0.18, 0.85, 0.99),
    "extra-trees": (0.075, 0.11, 0.45),
    "forest": (0.12, 0.17, 1.3),
    "gnb": (0.00068, 0.00076, 0.0018),
    "hgb": (0.045, 0.4, 0.85),
    "knn": (0.00051, 0.00048, 0.00079),
    "lda": (0.00095, 0.0012, 0.0071),
    "lightgbm": (0.011, 0.22, 0.73),
    "logreg": (0.0047, 0.0064, 0.027),
    "logreg-best": (0.044, 0.066, 0.24),
    "logreg-cv": (0.16, 0.23, 0.69),
    "logreg-lbfgs": (0.0036, 0.0044, 0.011),
    "mlp": (0.062, 0.23, 2.5),
    "parzen": (3e-05, 2.8e-05, 0.00014),
    "qda": (0.00013, 0.00022, 0.001),
    "self-training": (0.62, 0.67, 0.39),
    "sgd": (0.0039, 0.013, 0.087),
    "svc-linear": (0.0012, 0.0052, 0.14),
    "svc-linear-libsvm": (0.0009, 0.0038, 0.14),
    "svc-rbf": (0.0017, 0.005, 0.17),
    "svc-rbf-cv": (0.12, 0.55, 34.0),
    "svc-rbf-libsvm": (0.0014, 0.0044, 0.15),
    "tree": (0.0015, 0.006, 0.1),
    "xgboost": (0.018, 0.12, 0.57),
}
"""Model -> seconds at so many labels; None: longer than `LIMIT`."""
