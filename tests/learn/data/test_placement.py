import pytest
import torch

from kemfeat.errors import ConfigError
from kemfeat.learn import StoreLoader
from kemfeat.learn.data import placement

CPU, GPU = torch.device("cpu"), torch.device("cuda")
GB = 10**9


@pytest.fixture
def machine(monkeypatch):
    """16 GB of memory, and a device with 24 GB of which 20 are free."""
    monkeypatch.setattr(placement, "host_memory", lambda: 16 * GB)
    monkeypatch.setattr(placement, "device_memory", lambda device: (20 * GB, 24 * GB))


@pytest.mark.parametrize(
    ("device", "needed", "mode"),
    [
        (CPU, GB, "host"),
        (CPU, 8 * GB, "host"),
        (CPU, 8 * GB + 1, "stream"),
        (GPU, 8 * GB, "device"),
        (GPU, 8 * GB + 1, "stream"),
    ],
)
def test_auto_takes_the_fastest_that_fits(machine, device, needed, mode):
    assert placement.choose("auto", device=device, needed=needed) == mode


def test_auto_falls_back_to_the_host(machine, monkeypatch):
    monkeypatch.setattr(placement, "device_memory", lambda device: (13 * GB, 24 * GB))
    assert placement.choose("auto", device=GPU, needed=2 * GB) == "host"


def test_where_nobody_tells_the_memory_it_streams(monkeypatch):
    monkeypatch.setattr(placement, "host_memory", lambda: 0)
    assert placement.choose("auto", device=CPU, needed=1) == "stream"


@pytest.mark.parametrize("mode", ["device", "host", "stream"])
def test_a_mode_that_is_named_is_taken(machine, mode):
    assert placement.choose(mode, device=GPU, needed=9 * GB) == mode


def test_a_device_that_is_too_small_is_a_sentence(machine):
    with pytest.raises(ConfigError, match=r"resident='device' needs 21.0 GB, and cuda has 20.0 GB free; take 'auto'"):
        placement.choose("device", device=GPU, needed=21 * GB)


def test_an_unknown_mode_is_a_sentence():
    with pytest.raises(ConfigError, match=r"resident is 'hosts'; did you mean 'host'\?"):
        placement.choose("hosts", device=CPU, needed=1)


def test_a_container_has_what_it_may_use(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(placement, "_CGROUP", limit)
    physical = placement.host_memory()
    limit.write_text("max\n")
    assert placement.host_memory() == physical
    limit.write_text("1000000\n")
    assert placement.host_memory() == 1_000_000


def test_a_loader_says_which_mode_it_took(store, monkeypatch):
    assert StoreLoader(store, media=("mel",)).resident == "host"
    monkeypatch.setattr(placement, "host_memory", lambda: 0)
    assert StoreLoader(store, media=("mel",)).resident == "stream"
