"""A table of a ledger behaves like a dict, lies on the disk, and iterates by key too."""

from __future__ import annotations

import gc
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from maskrcnn.data.ledger import CACHE_KIB, Ledger

NAMES = st.text(max_size=4) | st.just("broken \udcff name")
DEEDS = st.lists(st.tuples(NAMES, st.none() | st.integers()), max_size=60)


@given(DEEDS)
def test_a_table_is_like_a_dict(deeds):
    """Given entries that are set, replaced and deleted, then keys, values, order and length are those of a dict."""
    table, plain = Ledger().table(), {}
    for key, value in deeds:
        if value is None and key in plain:
            del table[key], plain[key]
        else:
            table[key] = plain[key] = value
        assert (key in table, table.get(key)) == (key in plain, plain.get(key))
    assert (list(table), list(table.values()), list(table.items()), len(table)) == (
        list(plain), list(plain.values()), list(plain.items()), len(plain))
    assert list(table.by_key()) == sorted(plain.items())


@given(DEEDS, NAMES)
def test_keys_that_begin_with_a_text(deeds, start):
    table = Ledger().table()
    table.update(deeds)
    assert table.beginning(start) == [value for key, value in sorted(dict(deeds).items()) if key.startswith(start)]


def test_what_is_not_there_is_a_key_error():
    table = Ledger().table()
    with pytest.raises(KeyError, match="gone"):
        table["gone"]
    with pytest.raises(KeyError, match="gone"):
        del table["gone"]


def test_tables_of_one_ledger_do_not_meet(tmp_path):
    ledger = Ledger(tmp_path / "ledger")
    one, other = ledger.table(), ledger.table()
    one["a"] = ("text", frozenset({3}), None)
    assert (one["a"], "a" in other, len(other)) == (("text", frozenset({3}), None), False, 0)


def opened():
    """The files that this process has open."""
    return [link.resolve() for link in Path("/proc/self/fd").iterdir()]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only Linux lists the open files of a process")
def test_a_ledger_closes_with_the_last_table(tmp_path):
    """Given a table whose ledger nobody holds, then it serves; when the table goes, so does the open file."""
    table = Ledger(tmp_path / "ledger").table()
    table["a"] = 1
    assert (table["a"], tmp_path / "ledger" in opened()) == (1, True)
    del table
    gc.collect()
    assert tmp_path / "ledger" not in opened()


def test_a_ledger_begins_empty_whatever_lies_in_its_place(tmp_path):
    (tmp_path / "ledger").write_bytes(b"of a job that died")
    assert len(Ledger(tmp_path / "ledger").table()) == 0


def test_entries_may_be_replaced_and_added_on_the_way():
    """Given more entries than one batch, when each is replaced as it comes, then each comes once."""
    table = Ledger().table()
    table.update((f"{n:04d}", n) for n in range(1200))
    for key, value in table.items():
        table[key] = -value
    assert list(table.values()) == [-n for n in range(1200)]


def test_memory_does_not_grow_with_the_entries(tmp_path):
    table = Ledger(tmp_path / "ledger").table()
    tracemalloc.start()
    table.update((f"{n:08d}", "x" * 1000) for n in range(30_000))
    assert sum(len(value) for value in table.values()) == 30_000_000
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2_500_000
    assert (tmp_path / "ledger").stat().st_size > 30_000_000 - 1024 * CACHE_KIB


def test_threads_share_a_table():
    """Given eight threads that write and read their own entries, then none is lost and none mixed up."""
    table = Ledger().table()

    def work(number):
        for n in range(200):
            table[f"{number}-{n}"] = number * 1000 + n
        return sum(table[f"{number}-{n}"] for n in range(200))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [200_000 * number + 19_900 for number in range(8)]
    assert len(table) == 1600
