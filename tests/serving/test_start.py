import shutil
import socket

import pytest

import gatewise as gw
from gatewise.training.lock import locked


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": "0.0.0.0"}, "--host 0.0.0.0 is open to other machines: give a token"),
        ({"port": 70000}, "port"),
        ({"bogus": 1}, "bogus"),
        ({"max_rows": 0}, "max_rows|max-rows"),
        ({"token_file": "empty"}, "expected one token in 'empty', got 0 words"),
    ],
)
def test_options_that_are_refused(folders, options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWISE_TOKEN", raising=False)
    (tmp_path / "empty").touch()
    with pytest.raises(gw.GatewiseError, match=message):
        gw.serve(folders[1], **options)


def test_models_that_are_refused(folders, tmp_path):
    with pytest.raises(gw.GatewiseError, match=r"there is no model\.json in"):
        gw.serve(tmp_path)
    shutil.copytree(folders[1], tmp_path / ".hidden")
    with pytest.raises(gw.GatewiseError, match=r"without a dot at its begin, got '\.hidden'"):
        gw.serve(tmp_path / ".hidden")
    with pytest.raises(gw.GatewiseError, match="two models are called 'gestures': rename"):
        gw.serve([folders[1], folders[1]])


def test_what_another_process_uses_is_refused(folders, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            gw.GatewiseError, match=f"can't listen on 127.0.0.1, port {port}: .* another --port"
        ):
            gw.serve(folders[1], port=port)
    with locked(tmp_path / "state"), pytest.raises(gw.GatewiseError, match="use"):
        gw.serve(folders[1], state=str(tmp_path / "state"))
