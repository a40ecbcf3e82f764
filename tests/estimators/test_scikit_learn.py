"""scikit-learn's contract: its own checks, pipelines, searches, weights of examples, pickles."""

import copy
import pickle
from unittest import SkipTest

import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import estimator_checks_generator

import gatewise
from gatewise.errors import GatewiseError
from tests.estimators.test_estimators import waves
from tests.series import frame

SMALL = {
    "cell": "rnn",
    "hidden": 2,
    "epochs": 1,
    "min_steps_per_epoch": 1,
    "progress": False,
    "baselines": False,
}
TINY = {**SMALL, "bidirectional": False, "network": "stack"}
CLASSIFIER = gatewise.Classifier(**TINY)
REGRESSOR = gatewise.Regressor(**{name: TINY[name] for name in TINY if name != "network"})
FORECASTER = gatewise.Forecaster(horizon=2, context=6, **SMALL)

ANY_LENGTH = (
    "an array [N, T] has sequences of T steps, which may have any length; n_features_in_ counts channels"
)
LONG_TABLE = "a pandas DataFrame is a long table with a row for each step, and has its weights in a column"
FAILING = {  # each with the reason why it does not apply
    "check_classifier_data_not_an_array": LONG_TABLE,
    "check_classifiers_train": ANY_LENGTH,
    "check_dtype_object": "an array of objects is a list of sequences of different lengths",
    "check_estimators_empty_data_messages": "a sequence without steps is called so, not 0 features",
    "check_fit2d_1feature": "a sequence of one step is called so, not 1 feature",
    "check_n_features_in": ANY_LENGTH,
    "check_n_features_in_after_fitting": ANY_LENGTH,
    "check_sample_weight_equivalence_on_dense_data": "repeated or missing examples change the splits and the "
    "batches; the equalities hold for the loss, which tests/tasks/classify/test_weights.py checks",
    "check_sample_weights_pandas_series": LONG_TABLE,
}
FAILING_NUMBERS = {
    **{name: reason for name, reason in FAILING.items() if "classifier" not in name},
    "check_fit2d_1sample": "the message counts sequences, not samples",
    "check_regressor_data_not_an_array": LONG_TABLE,
    "check_regressors_train": "a network of two units that is trained for one epoch predicts poorly",
}
TABLES = "a forecaster reads a table of times and values, not an array [N, F]"
FAILING_FORECASTS = dict.fromkeys(
    (
        "check_complex_data",
        "check_dict_unchanged",
        "check_dont_overwrite_parameters",
        "check_dtype_object",
        "check_estimators_dtypes",
        "check_estimators_empty_data_messages",
        "check_estimators_fit_returns_self",
        "check_estimators_nan_inf",
        "check_estimators_overwrite_params",
        "check_estimators_pickle",
        "check_f_contiguous_array_estimator",
        "check_fit2d_1feature",
        "check_fit2d_1sample",
        "check_fit2d_predict1d",
        "check_fit_check_is_fitted",
        "check_fit_idempotent",
        "check_fit_score_takes_y",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_n_features_in",
        "check_n_features_in_after_fitting",
        "check_pipeline_consistency",
        "check_positive_only_tag_during_fit",
        "check_readonly_memmap_input",
    ),
    TABLES,
) | {"check_fit1d": "one column of values is a series with the times 0, 1, 2 ..."}


def checks(estimator):
    return [check for _, check in estimator_checks_generator(estimator)]


def named(check):
    """The name of a check, with its options where it has some."""
    return "-".join((check.func.__name__, *(f"{key}={value}" for key, value in check.keywords.items())))


def require(check, estimator, failing):
    """The check passes, or it is listed and fails."""
    reason = failing.get(check.func.__name__)
    with gatewise.backend("reference"):
        if reason is None:
            check(estimator)
            return
        try:
            check(estimator)
        except SkipTest:
            raise
        except Exception:
            return
    pytest.fail(f"{check.func.__name__} passes now: take it off the list ({reason})")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("check", checks(CLASSIFIER), ids=named)
def test_a_classifier_passes_the_checks_of_scikit_learn(check):
    require(check, CLASSIFIER, FAILING)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("check", checks(REGRESSOR), ids=named)
def test_a_regressor_passes_the_checks_of_scikit_learn(check):
    require(check, REGRESSOR, FAILING_NUMBERS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("check", checks(FORECASTER), ids=named)
def test_a_forecaster_passes_the_checks_of_scikit_learn(check):
    require(check, FORECASTER, FAILING_FORECASTS)


@pytest.mark.parametrize(
    ("estimator", "failing"),
    [(CLASSIFIER, FAILING), (REGRESSOR, FAILING_NUMBERS), (FORECASTER, FAILING_FORECASTS)],
)
def test_the_lists_name_checks_that_exist(estimator, failing):
    assert set(failing) <= {check.func.__name__ for check in checks(estimator)}


def test_a_classifier_ends_a_pipeline_and_is_searched():
    X, y = waves(36)
    pipeline = make_pipeline(FunctionTransformer(np.negative), gatewise.Classifier(**TINY))
    search = GridSearchCV(pipeline, {"classifier__hidden": [2, 3]}, cv=2, error_score="raise").fit(X, y)
    assert search.predict(X).shape == y.shape
    assert search.best_estimator_[-1].hidden in (2, 3)
    weights = np.ones(36)
    fitted = pipeline.fit(X, y, classifier__sample_weight=weights)
    assert fitted.score(X, y, sample_weight=weights) == fitted.score(X, y)


def test_a_regressor_ends_a_pipeline_and_is_cross_validated():
    X, _ = waves(36)
    y = X[:, -1, 0] - X[:, 0, 0]
    pipeline = make_pipeline(FunctionTransformer(np.negative), REGRESSOR)
    assert cross_val_score(pipeline, X, y, cv=2, error_score="raise").shape == (2,)
    other = clone(REGRESSOR).set_params(epochs=8, min_steps_per_epoch=40, learning_rate=0.01)
    assert other.fit(X, y).score(X, y) > 0.9


def test_weights_are_split_with_the_examples_of_a_cross_validation():
    X, y = waves(36)
    weights = {"sample_weight": np.arange(36)}
    scores = cross_val_score(CLASSIFIER, X, y, cv=2, params=weights, error_score="raise")
    assert scores.shape == (2,)


@pytest.mark.parametrize("table", [frame(), frame().to_pandas()], ids=["polars", "pandas"])
def test_a_forecaster_is_cross_validated_in_time(table):
    folds = TimeSeriesSplit(2, test_size=50)
    scores = cross_val_score(FORECASTER, table, cv=folds, error_score="raise")
    assert (scores < 0).all()  # of an error, which is lower for a better model


def test_a_pickled_classifier_needs_no_file_of_this_process():
    X, y = waves(24)
    model = gatewise.Classifier(**TINY).fit(X, y)
    other = pickle.loads(pickle.dumps(model))
    assert isinstance(model.comparison_.data.train.table.values, np.memmap)
    assert not isinstance(other.comparison_.data.train.table.values, np.memmap)
    np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))
    assert other.comparison_.table.equals(model.comparison_.table)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_duplicate_of_an_estimator_has_its_own_data(duplicate):
    model = gatewise.Forecaster(horizon=2, context=6, **SMALL).fit(frame())
    forecast, loss = model.predict(), model.ablate(units=True)
    other = duplicate(model)
    assert other.get_params() == model.get_params()
    assert other._data.path != model._data.path
    del model
    assert other.predict().equals(forecast)
    assert other.ablate(units=True).equals(loss)


def test_scores_are_weighted_on_request():
    X, y = waves(36)
    model = gatewise.Classifier(**TINY).fit(X, y)
    correct = model.predict(X) == y
    weights = np.arange(1.0, 37)
    assert model.score(X, y, sample_weight=weights) == pytest.approx(np.average(correct, weights=weights))
    assert model.score(X, y) == correct.mean()


def test_equal_weights_change_nothing():
    X, y = waves(36)
    plain = gatewise.Classifier(**TINY).fit(X, y)
    weighted = gatewise.Classifier(**TINY).fit(X, y, sample_weight=np.full(36, 0.3))
    np.testing.assert_array_equal(weighted.predict_proba(X), plain.predict_proba(X))
    assert weighted.comparison_.table.drop("seconds").equals(plain.comparison_.table.drop("seconds"))


def test_weights_of_arrays_and_of_a_column_of_a_table_are_the_same(tmp_path):
    X, y = waves(36)
    weights = np.arange(36) % 4
    table = pl.DataFrame(
        {
            "sequence": np.repeat(np.arange(36), 12),
            "channel_0": X[..., 0].ravel(),
            "channel_1": X[..., 1].ravel(),
            "label": np.repeat(y, 12),
            "w": np.repeat(weights, 12),
        }
    )
    from_arrays = gatewise.Classifier(**TINY).fit(X, y, sample_weight=weights)
    from_table = gatewise.Classifier(**TINY).fit(table, weight="w")
    plain = gatewise.Classifier(**TINY).fit(X, y)
    np.testing.assert_array_equal(from_table.predict_proba(table), from_arrays.predict_proba(X))
    assert (from_arrays.predict_proba(X) != plain.predict_proba(X)).any()
    assert any("weighted by column 'w'" in note for note in from_table.notes_)
    from_table.save(tmp_path / "model")
    loaded = gatewise.load(tmp_path / "model")
    assert loaded.weight == "w"
    assert loaded.predict(table.drop("w"))["label"].len() == 36


def test_a_comparison_takes_weights():
    X, y = waves(36)
    options = {
        "cells": ["rnn"],
        "seeds": 1,
        "hidden": 2,
        "epochs": 1,
        "min_steps_per_epoch": 1,
        "progress": False,
    }
    weighted, plain = (
        gatewise.compare("classify", X, y, sample_weight=one, **options) for one in (np.arange(36), None)
    )
    scores = [dict(one.table.select("model", "cross_entropy").iter_rows()) for one in (weighted, plain)]
    differ = {name: scores[0][name] != scores[1][name] for name in scores[0]}
    weighted_ones = {"logistic", "minirocket", "mlp", "hybrid-rnn"}
    assert {name for name, is_different in differ.items() if is_different} == weighted_ones
    assert differ.keys() - weighted_ones == {"nearest", "majority"}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(35), r"expected 36 weights, one for each sequence, got \[35\]"),
        (np.ones((36, 1)), r"expected 36 weights, one for each sequence, got \[36, 1\]"),
        (["heavy"] * 36, "the weights are not numbers"),
        (-np.ones(36), "weight 0: expected a finite number of 0 or more, got -1"),
        ([1.0] * 35 + [np.nan], "weight 35: expected a finite number of 0 or more, got nan"),
        (np.zeros(36), "all weights in the training set are zero; give positive ones"),
    ],
)
def test_wrong_weights_are_one_clear_line(weights, message):
    with pytest.raises(GatewiseError, match=message):
        gatewise.Classifier(**TINY).fit(*waves(36), sample_weight=weights)


def test_weights_are_of_arrays_of_sequences():
    images, labels = np.zeros((8, 4, 4), np.uint8), [0, 1] * 4
    with pytest.raises(GatewiseError, match="the task 'classify-images' takes no sample weights"):
        gatewise.Classifier(**SMALL).fit(images, labels, sample_weight=np.ones(8))
    with pytest.raises(GatewiseError, match="for a table, name their columns by `weight` and `group`"):
        gatewise.Classifier(**SMALL).fit(frame(), sample_weight=np.ones(8))
    with pytest.raises(GatewiseError, match="the task 'classify-images' takes no sample weights or groups"):
        gatewise.Classifier(**SMALL).fit(images, labels, sample_weight=np.ones(8), groups=labels)
    with pytest.raises(GatewiseError, match="expected 8 groups, one for each sequence, got 3"):
        gatewise.Classifier(**SMALL).fit(*waves(8), groups=["a", "b", "c"])
    with pytest.raises(GatewiseError, match="group 1 is missing; give a group for each sequence"):
        gatewise.Classifier(**SMALL).fit(*waves(3), groups=["a", None, "c"])
    with pytest.raises(GatewiseError, match="requires y to be passed, but the target y is None"):
        gatewise.Classifier(**SMALL).fit(waves(8)[0])
    with pytest.raises(GatewiseError, match="tables and paths have none"):
        gatewise.Classifier(**TINY).fit(*waves(36)).score(sample_weight=np.ones(8))


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_arrays_of_other_channels_are_refused(kind):
    X, y = np.random.default_rng(0).normal(size=(16, 6, 1)), np.arange(16) % 2
    model = clone(CLASSIFIER if kind == "classifier" else REGRESSOR).fit(X, y)
    names = ["predict", "inspect", "ablate", *(["predict_proba"] if kind == "classifier" else [])]
    calls = [
        *(getattr(model, name) if name != "inspect" else lambda X: model.inspect(data=X) for name in names),
        *(lambda X, method=method: method(X, y) for method in (model.score, model.evaluate)),
        lambda X: model.set_params(warm_start=True).fit(X, y),
    ]
    for call in calls:
        with pytest.raises(GatewiseError) as error:
            call(np.concatenate([X * 0, X], 2))
        assert str(error.value) == (
            "expected sequences of 1 channel as in training, got 2 channels in an array of shape [16, 6, 2]"
        )
        with pytest.raises(GatewiseError, match=r'got 6 channels in .* \[16, 1, 6\]; layout="NCT" fits this'):
            call(X.transpose(0, 2, 1))
    with pytest.raises(GatewiseError, match=r"as in training, got 2 channels in a list$"):
        model.predict([np.zeros((5, 2)), np.zeros((6, 2))])
    assert len(model.predict(X.transpose(0, 2, 1), layout="NCT")) == len(model.predict(X[..., 0])) == 16
