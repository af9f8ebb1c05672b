"""Batches ahead of time are the plan's; parts of processes make up the whole; what goes wrong in the thread comes out."""

import numpy as np
import pytest

from train.loader import Loader
from train.plan import Plan, row_digests


@pytest.fixture
def plan(corpus):
    return Plan(corpus, context=16, seed=0, share=0.05)


def take(plan, config, rank, size, step, end):
    loader = Loader(plan, config, rank, size, "cpu", step, end)
    batches = [loader.next() for _ in range(step, end)]
    loader.close()
    return batches


@pytest.mark.parametrize("size", [1, 2, 4])
def test_parts_of_all_processes_are_the_batch(plan, config, size):
    parts = [take(plan, config, rank, size, 2, 7) for rank in range(size)]
    for step, of_step in enumerate(zip(*parts, strict=True), 2):
        whole = plan.batch(8 * step, 8)
        assert np.array_equal(np.concatenate([part.rows.numpy() for part in of_step]), whole)
        assert np.array_equal(np.concatenate([part.digests for part in of_step]), row_digests(whole))
        assert sum(part.num_targets for part in of_step) == (whole[:, 1:] >= 0).sum()
        assert sum(part.attended for part in of_step) == 8 * 16 * 17 // 2
        assert {part.num_trained for part in of_step} == {plan.num_trained(8 * (step + 1))}


def test_closing_gives_the_plan_back_with_batches_unread(plan, config):
    loader = Loader(plan, config, 0, 1, "cpu", 0, 1000)
    loader.next()
    loader.close()
    assert not loader._thread.is_alive()


def test_an_error_in_the_thread_is_raised_where_the_batch_is_wanted(plan, config, monkeypatch):
    def breaks(row, num_rows):
        raise OSError("the shard is gone")

    monkeypatch.setattr(plan, "batch", breaks)
    loader = Loader(plan, config, 0, 1, "cpu", 0, 10)
    with pytest.raises(OSError, match="the shard is gone"):
        loader.next()
    loader.close()
