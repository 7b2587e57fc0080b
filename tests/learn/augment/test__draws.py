"""Numbers: the published hash, independence of what is around, even spread, the same on a GPU."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.learn.augment._draws import _GAMMA, Draws, Stream, hashed
from kemfeat.learn.augment.settings import FrequencyNoise

few = settings(deadline=None, max_examples=25)


def draws(count: int = 4096, *, copy: int = 0, epoch: int = 0, seed: int = 0, number: int = 0) -> Draws:
    copies = torch.full((count,), copy)
    return Stream(seed=seed, number=number).draws(torch.arange(count), copies, epoch=epoch)


def test_the_hash_is_splitmix64():
    """First outputs of the reference implementation (Vigna, splitmix64.c) for the state 1234567."""
    states = 1234567 + torch.arange(1, 6) * _GAMMA
    assert [int(number) % 2**64 for number in hashed(states)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@pytest.mark.parametrize("other", [{"copy": 1}, {"epoch": 1}, {"seed": 1}, {"number": 1}])
def test_everything_that_a_sample_is_changes_its_numbers(other):
    ours, theirs = draws(), draws(**other)
    assert int((ours.keys == theirs.keys).sum()) == 0
    agreement = (ours.bits(1) ^ theirs.bits(1)).to(torch.float64).mean() / 2**32
    assert 0.48 < agreement < 0.52


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=9), st.integers(0, 2**63 - 1), st.integers(0, 10**6))
@few
def test_a_sample_has_its_numbers_wherever_it_stands(rows, seed, epoch):
    stream = Stream(seed=seed, number=2)
    rows, places = torch.tensor(rows), torch.arange(7)[None]
    copies = rows % 4
    together = stream.draws(rows, copies, epoch=epoch).bits(1, places)
    for place in range(len(rows)):
        alone = stream.draws(rows[place : place + 1], copies[place : place + 1], epoch=epoch)
        assert torch.equal(alone.bits(1, places[:, :3])[0], together[place, :3])


def test_slots_and_places_are_independent():
    bits = torch.stack([draws().bits(slot, torch.arange(4)[None]) for slot in range(4)], dim=1).reshape(4096, 16)
    share = bits.to(torch.float64) / 2**32
    correlation = torch.corrcoef(share.T) - torch.eye(16, dtype=torch.float64)
    assert correlation.abs().max() < 0.07
    assert len(torch.unique(bits)) > 0.999 * bits.numel()


@given(st.integers(-100, 100), st.integers(1, 2**31 - 1), st.integers(0, 9))
@few
def test_integers_lie_in_their_range(low, size, seed):
    found = draws(200, seed=seed).integers(1, low, low + size)
    assert int(found.min()) >= low
    assert int(found.max()) < low + size


def test_integers_are_spread_evenly():
    counts = torch.bincount(draws(100_000).integers(3, 0, 10), minlength=10)
    chi_square = ((counts - 10_000) ** 2 / 10_000).sum()
    assert chi_square < 27.9  # p = 0.001 with 9 degrees of freedom


def test_integers_of_an_empty_range_are_its_begin():
    assert draws(9).integers(1, 5, torch.full((9,), 3)).unique().tolist() == [5]


def test_uniform_numbers_fill_the_unit_interval():
    found = draws(100_000).uniform(1)
    assert found.dtype == torch.float32
    assert 0 <= found.min() < 1e-4
    assert 1 - 1e-4 < found.max() < 1
    assert abs(float(found.mean()) - 0.5) < 0.003


@pytest.mark.parametrize(("probability", "low", "high"), [(0.0, 0, 0), (1.0, 4096, 4096), (0.25, 900, 1150)])
def test_the_probability_decides_how_many_are_chosen(probability, low, high):
    chosen = draws().chosen(FrequencyNoise(probability=probability))
    assert low <= int(chosen.sum()) <= high


def test_only_the_copies_that_are_meant_are_chosen():
    mixed = Draws(keys=draws(8).keys, copies=torch.arange(8) % 4)
    assert mixed.chosen(FrequencyNoise(copies=(1, 3))).tolist() == [False, True] * 4
    assert not mixed.chosen(FrequencyNoise(copies=())).any()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_draws_the_same():
    places = torch.arange(1000)[None]
    here, there = (
        draws(64),
        Stream(seed=0, number=0).draws(torch.arange(64).cuda(), torch.zeros(64).long().cuda(), epoch=0),
    )
    assert torch.equal(here.bits(1, places), there.bits(1, places.cuda()).cpu())
    assert torch.equal(here.uniform(1, places), there.uniform(1, places.cuda()).cpu())
    assert torch.equal(here.integers(2, -7, 93), there.integers(2, -7, 93).cpu())
