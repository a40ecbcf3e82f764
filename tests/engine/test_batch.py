"""Many programs at once: what they share is made once, and the results are those of each alone."""

import pytest

from gatewise.engine import batch
from gatewise.engine.batch import compile_ahead
from gatewise.engine.cache import Cache
from gatewise.engine.compiling import MAIN_HEADER, PARSED, BuildError, NativeProgram, compiler
from gatewise.engine.loading import load
from tests.engine.build_cache import only_with_compiler, start_anew

pytestmark = only_with_compiler


@pytest.fixture
def programs(tmp_path):
    """Three that share headers, flags and a part; the last has a part and flags of its own."""
    headers = tmp_path / "headers"
    headers.mkdir()
    (headers / MAIN_HEADER).write_text('#pragma once\n#include "other.h"\n#include <vector>\n')
    (headers / "other.h").write_text("inline int seven() { return 7; }\nint part();\n")

    def made(number, *flags):
        text = f'#include "{MAIN_HEADER}"\nextern "C" int number() {{ return part() + {number} * seven(); }}'
        part = NativeProgram(
            "part", '#include "other.h"\nint part() { return 100; }', (*flags, "-fPIC", "-c"), headers, ".o"
        )
        return NativeProgram(f"number-{number}", text, (*flags, "-shared", "-fPIC"), headers, part=part)

    return [made(1), made(2), made(3), made(4, "-O1")]


def test_each_is_compiled_once_and_found_at_its_first_use(cache_folder, compiled_programs, programs):
    lines = list(compile_ahead(programs))
    assert [line.split(":")[0] for line in lines] == [f"[{one}/4] number-{one}" for one in (1, 2, 3, 4)]
    assert sorted(compiled_programs) == ["number-1", "number-2", "number-3", "number-4", "part", "part"]
    start_anew()
    assert [load(one).number() for one in programs] == [107, 114, 121, 128]
    assert list(compile_ahead(programs)) == []
    assert len(compiled_programs) == 6


def test_one_that_is_damaged_or_missing_is_made_again(cache_folder, compiled_programs, programs):
    list(compile_ahead(programs[:2]))
    damaged, missing = sorted(cache_folder.glob("number*"))
    damaged.write_bytes(b"no library")
    missing.unlink()
    compiled_programs.clear()
    list(compile_ahead(programs[:3]))
    assert sorted(compiled_programs) == ["number-1", "number-2", "number-3"]


def test_parsed_headers_make_the_same_bytes(cache_folder, tmp_path, programs):
    chosen, parsed = compiler(), tmp_path / "parsed"
    parsed.mkdir()
    chosen.parse_headers(programs[0], parsed)
    assert (parsed / f"{MAIN_HEADER}{PARSED}").stat().st_size > 0
    part = chosen.compile(programs[0].part)
    for one in programs[:3]:
        assert chosen.compile(one, part, None, parsed) == chosen.compile(one, part)


def test_headers_that_can_not_be_parsed_stop_nothing(cache_folder, monkeypatch, programs):
    def fail(*given):
        raise BuildError("no such option")

    monkeypatch.setattr("gatewise.engine.compiling.Compiler.parse_headers", fail)
    assert not any("compiled at its first use" in line for line in compile_ahead(programs))
    assert len(list(cache_folder.glob("number*"))) == len(programs)


def test_one_that_fails_is_reported_and_stops_no_other(cache_folder, programs):
    wrong = NativeProgram("wrong", "no C++", ("-shared",), programs[0].headers)
    lines = list(compile_ahead([wrong, *programs]))
    assert lines[0].startswith("[1/5] wrong is compiled at its first use: ")
    assert len(list(cache_folder.glob("number*"))) == len(programs)


def test_without_a_cache_there_is_nothing_to_compile_into(monkeypatch, cache_folder, programs):
    monkeypatch.setattr(batch, "cache", lambda: Cache(None, "it can't be"))
    with pytest.raises(BuildError, match="the kernel cache is not used: it can't be"):
        list(compile_ahead(programs))
