"""A server of three small models, in this process."""

import pytest

from tests.shipping.stepping import classifier, forecaster, generator

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx")

from starlette.testclient import TestClient

from gatewise.serving.app import build_app
from gatewise.serving.guards import Guards
from gatewise.serving.metrics import Metrics
from gatewise.serving.options import ServeOptions


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Folders of a forecaster, a classifier, a language model, and a classifier that can't stream."""
    home = tmp_path_factory.mktemp("models")
    models = {
        "sales": forecaster(id="store", refit=False),
        "gestures": classifier(pooling="last"),
        "text": generator(),
        "both": classifier(bidirectional=True),
    }
    for name, model in models.items():
        model.save(home / name)
    return [home / name for name in models]


def served(folders, token=None, **options):
    """A client of a server, which runs within it."""
    given, metrics = ServeOptions(**options), Metrics()
    app = build_app(folders, given, metrics)
    client = TestClient(
        Guards(app, given, token, metrics), base_url="http://localhost", raise_server_exceptions=False
    )
    client.models = app.state.models
    return client


@pytest.fixture(scope="session")
def client(folders):
    """A client of a server without a folder."""
    with served(folders) as client:
        yield client
