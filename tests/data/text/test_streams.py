"""Streams of a text, side by side: nothing twice, nothing lost, each going on where it was."""

from itertools import pairwise

import pytest
import torch

from gatewise.data.splits import Fractions
from gatewise.data.text.streams import WARM_UP, TextStreams
from gatewise.data.text.text import StreamConfig, find_texts, read_text, read_whole
from gatewise.data.tokenizers.streams import Bytes
from gatewise.errors import GatewiseError


def text_of(folder, length):
    data = bytes(place % 251 for place in range(length))
    (folder / "one.txt").write_bytes(data)
    return read_whole(find_texts(folder / "one.txt"), Bytes())[0], data


@pytest.mark.parametrize(("rows", "steps"), [(1, 10), (3, 10), (3, 1), (4, 1000), (7, 11)])
def test_a_batch_continues_the_one_before(tmp_path, rows, steps):
    text, data = text_of(tmp_path, 400)
    batches = list(TextStreams(text, steps).streams(rows, 0, rows))
    assert [one.first for one in batches] == [True] + [False] * (len(batches) - 1)
    assert all(one.symbols.shape[1] == steps + 1 for one in batches[:-1])
    for earlier, later in pairwise(batches):
        assert torch.equal(earlier.symbols[:, -1], later.symbols[:, 0])
    targets = torch.cat([one.symbols[:, 1:] for one in batches], dim=1)
    length = 399 // rows
    assert targets.flatten().tolist() == list(data[1 : 1 + rows * length])


def test_processes_share_the_rows(tmp_path):
    source = TextStreams(text_of(tmp_path, 400)[0], 10)
    whole, parts = source.streams(5, 0, 5), [source.streams(5, 0, 2), source.streams(5, 2, 5)]
    assert {len(one) for one in (whole, *parts)} == {8}
    for number, batch in enumerate(whole):
        shared = torch.cat([one[number].symbols for one in parts])
        assert torch.equal(shared, batch.symbols)


def test_an_epoch_continues_a_bounded_one(tmp_path):
    source = TextStreams(text_of(tmp_path, 400)[0], 10, chunks=3)
    all_batches = list(TextStreams(source.text, 10).streams(4, 0, 4))
    streams = source.streams(4, 0, 4)
    assert (len(all_batches), len(streams)) == (10, 3)
    seen = []
    for epoch in range(5):
        streams.set_epoch(epoch)
        for number, batch in enumerate(streams):
            place = len(seen) % 10
            assert torch.equal(batch.symbols, all_batches[place].symbols)
            assert batch.first == (
                number == 0 or place == 0
            )  # the state is empty, and the text's end no beginning
            seen.append(place)
    assert seen == [*range(10), *range(5)]
    with pytest.raises(IndexError):
        streams[3]


def test_later_sets_are_read_with_context_before_them(tmp_path):
    text_of(tmp_path, 9000)
    found = read_text(find_texts(tmp_path / "one.txt"), Fractions(0.1, 0.1), StreamConfig("bytes"))
    first, *others = list(TextStreams(found.test, 50).streams(3, 0, 3))
    assert first.skip == WARM_UP
    assert {one.skip for one in others} == {0}
    assert first.symbols[0, : 1 + WARM_UP].tolist() == found.test.symbols(-1 - WARM_UP, 0).tolist()
    targets = torch.cat([first.symbols[:, 1 + WARM_UP :], *(one.symbols[:, 1:] for one in others)], dim=1)
    assert targets.flatten().tolist() == found.test.symbols(0, 900).tolist()


def test_all_processes_reset_the_same_streams(tmp_path):
    source = TextStreams(text_of(tmp_path, 8000)[0], 2, fresh=0.1)
    whole, parts = source.streams(20, 0, 20), [source.streams(20, 0, 7), source.streams(20, 7, 20)]
    seen = []
    for epoch in range(2):
        for one in (whole, *parts):
            one.set_epoch(epoch)
        seen.append(torch.stack([batch.fresh for batch in whole]))
        assert torch.equal(torch.cat([parts[0][5].fresh, parts[1][5].fresh]), seen[epoch][5])
    assert torch.equal(torch.stack([batch.fresh for batch in whole]), seen[1])
    assert not torch.equal(*seen)
    assert 0.08 < seen[0].double().mean() < 0.12
    assert {batch.fresh for batch in TextStreams(source.text, 2).streams(20, 0, 20)} == {None}


def test_a_text_must_have_a_symbol_for_each_stream(tmp_path):
    source = TextStreams(text_of(tmp_path, 10)[0], 5)
    assert len(source.streams(9, 0, 9)) == 1
    with pytest.raises(GatewiseError, match="has 10 symbols, too few for 10 streams; give a longer text or"):
        source.streams(10, 0, 10)
