"""The course's own models: what they are, and that training always gives the same."""

import numpy as np
import pytest
import torch
from torch import nn

from cookbook import models
from cookbook.data import digits


def kinds(model):
    return [type(layer).__name__ for layer in model]


@pytest.fixture(scope="module")
def trained():
    return models.trained_digits_cnn()


def test_the_cnn():
    model = models.digits_cnn()
    block = ["Conv2d", "ReLU", "MaxPool2d"]
    assert kinds(model) == [*block, *block, "Flatten", "Linear", "ReLU", "Linear"]
    shapes = [tuple(weight.shape) for name, weight in model.named_parameters() if "weight" in name]
    assert shapes == [(32, 1, 3, 3), (64, 32, 3, 3), (64, 256), (10, 64)]
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_trained_it_reads_the_digits(trained):
    data = digits()
    with torch.no_grad():
        logits = trained(torch.from_numpy(data.test_x.copy()))
    assert models.accuracy(logits, data.test_y) > 0.97
    assert not trained.training


def test_training_always_gives_the_same(trained):
    torch.manual_seed(5)
    again = models.trained_digits_cnn()
    for one, other in zip(trained.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_seed_and_epochs_count():
    weights = []
    for options in ({"epochs": 1}, {"epochs": 1, "seed": 1}, {"epochs": 2}, {"epochs": 1}):
        torch.manual_seed(0)
        model = models.train(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), **options)
        weights.append(model[1].weight)
    assert torch.equal(weights[0], weights[3])
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_training_uses_one_thread_and_gives_the_others_back(monkeypatch):
    before = torch.get_num_threads()
    seen = []
    usual = nn.functional.cross_entropy

    def watched(*arguments):
        seen.append(torch.get_num_threads())
        return usual(*arguments)

    monkeypatch.setattr(nn.functional, "cross_entropy", watched)
    torch.set_num_threads(2)
    try:
        models.train(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), epochs=1)
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_training_turns_layers_like_dropout_on_and_off():
    class Witness(nn.Module):
        modes: list = []

        def forward(self, x):
            self.modes.append(self.training)
            return x

    model = models.train(nn.Sequential(nn.Flatten(), Witness(), nn.Linear(64, 10)).eval(), epochs=1)
    assert set(Witness.modes) == {True}
    assert len(Witness.modes) == -(-1347 // 64)
    assert not model.training


@pytest.mark.parametrize("kind", [np.array, torch.tensor])
def test_accuracy(kind):
    logits = kind([[0.1, 0.9, 0.0], [2.0, 1.0, 0.0], [0.0, 0.0, 1.0], [5.0, 0.0, 0.0]])
    assert models.accuracy(logits, kind([1, 0, 2, 1])) == 0.75
    assert isinstance(models.accuracy(logits, kind([1, 0, 2, 1])), float)
