"""Classical classifiers on hand-crafted features (S3-06), by scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tumorscope.core.image import Array


def _svm(seed: int) -> Any:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC

    return CalibratedClassifierCV(SVC(C=10.0, gamma="scale", random_state=seed), cv=3, ensemble=False)


def _random_forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(n_estimators=300, random_state=seed, n_jobs=1)


def _logistic_regression(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=0.05, max_iter=500, random_state=seed)


def _nearest(seed: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return KNeighborsClassifier(n_neighbors=1)


#: Name → function of a seed that makes an untrained classifier with ``fit`` and ``predict_proba``.
TYPE_BASELINES: dict[str, Callable[[int], Any]] = {
    "svm": _svm,
    "random-forest": _random_forest,
    "logistic-regression": _logistic_regression,
    "nearest-neighbour-features": _nearest,
}


def train_and_ask(name: str, train: Array, types: Array, test: Array, *, classes: int, seed: int = 0) -> Array:
    """Train a baseline and return what it says: probabilities (M, classes).

    Features are standardised and reduced to 200 principal components of the training part first.

    Args:
        name: Key of :data:`TYPE_BASELINES`.
        train: Features of training pictures, (N, D).
        types: Their types, 0 to ``classes`` - 1, (N,).
        test: Features of the pictures asked about, (M, D).
        classes: Number of types.
        seed: Of whatever is random.
    """
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kept = min(200, *train.shape)
    model = make_pipeline(StandardScaler(), PCA(kept, random_state=seed), TYPE_BASELINES[name](seed))
    model.fit(train, types)
    found = np.zeros((len(test), classes))
    found[:, np.asarray(model.classes_, dtype=int)] = model.predict_proba(test)
    return found
