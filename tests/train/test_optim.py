"""Rates: each parameter in one group, only matrices inside layers decay, the schedule is a function of the step."""

from dataclasses import replace
from itertools import pairwise

import pytest

from train.config import Device, TrainError
from train.optim import schedule, set_rate
from train.step import make


def test_every_parameter_has_one_rate(config):
    model, optimizers, _ = make(config, Device())
    (optimizer,) = optimizers
    grouped = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())
    for group in optimizer.param_groups:
        names = {name for name, p in model.named_parameters() if any(p is q for q in group["params"])}
        assert (group["weight_decay"] > 0) == all("proj" in name for name in names)
    set_rate(optimizers, 0.5)
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.015, 0.005 * config.head_lr, 0.005, 0.005])


def test_muon_has_the_matrices_inside_layers(config):
    model, (rest, muon), _ = make(replace(config, optimizer="muon"), Device())
    mine = {name for name, p in model.named_parameters() if any(p is q for group in muon.param_groups for q in group["params"])}
    assert mine == {name for name, p in model.named_parameters() if "proj" in name}
    assert sum(len(group["params"]) for group in rest.param_groups) == sum(1 for _ in model.parameters()) - len(mine)
    with pytest.raises(TrainError, match="--shard: expected optimizer adamw, got muon, which needs whole matrices"):
        make(replace(config, optimizer="muon"), Device(shard=True))


def test_wsd_rises_holds_and_falls(config):
    config = replace(config, steps=100, warmup=10, decay_from=60)
    factors = [schedule(step, config) for step in range(100)]
    assert factors[:10] == pytest.approx([(i + 1) / 10 for i in range(10)])
    assert factors[10:61] == [1.0] * 51
    assert factors[61:] == pytest.approx([(100 - step) / 40 for step in range(61, 100)])
    assert min(factors) > 0


def test_cosine_rises_and_falls(config):
    config = replace(config, steps=100, warmup=10, schedule="cosine")
    factors = [schedule(step, config) for step in range(100)]
    assert factors[9] == 1.0
    assert factors[55] == pytest.approx(0.5)
    assert all(a > b > 0 for a, b in pairwise(factors[10:]))


def test_one_step_has_a_rate(config):
    assert schedule(0, replace(config, steps=1)) == 1.0
