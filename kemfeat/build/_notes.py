"""Says what a build chose without being asked: features that it left out, the channel of audio of several."""

from __future__ import annotations

from kemfeat.build._settings import Resolved
from kemfeat.build._sources import Sources

_WORDS = {"first": "the first", "mean": "the mean of all", "loudest": "the loudest"}


def notes(sources: Sources, resolved: Resolved) -> tuple[str, ...]:
    """Sentences for the user; none where nothing was chosen."""
    channels = _channel_note(sources, resolved)
    return (*resolved.notes, *([] if channels is None else [channels]))


def _channel_note(sources: Sources, resolved: Resolved) -> str | None:
    """A sentence about audio files with several channels; None where there is none, or no feature reads audio."""
    several = int((sources.table["channels"] > 1).sum())
    used: dict[str, list[str]] = {}
    for name, settings in resolved.config.settings.items():
        policy = _policy(resolved, name, settings.get("channels"))
        if policy is not None:
            used.setdefault(policy, []).append(name)
    if not several or not used:
        return None
    done = "; ".join(f"{', '.join(names)}: {policy}" for policy, names in used.items())
    return (
        f"{several} audio {'files have' if several > 1 else 'file has'} several channels, and one is used ({done}); "
        "`kemfeat validate` compares them, --set audio.channel=mean, loudest or a number uses another"
    )


def _policy(resolved: Resolved, feature: str, recorded: object) -> str | None:
    if "channels" not in resolved.extractors[feature].config.model_fields or recorded == "refuse":
        return None
    policy = "first" if recorded is None else recorded
    return _WORDS[policy] if isinstance(policy, str) else f"number {policy}"
