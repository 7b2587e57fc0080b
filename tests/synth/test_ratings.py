from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kemfeat.labels import EMOTIONS, count_votes, join_emotions, majority
from kemfeat.synth.layout import draw_turns
from kemfeat.synth.ratings import CLASS_COUNTS, CLASS_MEANS, KINDS, TIE_COUNTS, draw_ratings, label_quota, latent_mean


@pytest.fixture(scope="module")
def turns():
    return draw_turns(0, utterances=13462, sessions=40)


@pytest.fixture(scope="module")
def ratings(turns):
    return draw_ratings(0, turns)


def _final(votes) -> str:
    return join_emotions(majority(count_votes([(EMOTIONS[vote],) for vote in votes])))


def test_the_prior_is_the_published_one_at_full_size(ratings):
    counts = dict(zip(KINDS, np.bincount(ratings.kind, minlength=len(KINDS)).tolist(), strict=True))
    assert counts == CLASS_COUNTS | TIE_COUNTS
    assert sum(CLASS_COUNTS.values()) == 12828
    assert len(TIE_COUNTS) == 17
    assert sum(TIE_COUNTS.values()) == 634


@given(st.integers(1, 20000))
def test_quota_sums_and_keeps_every_class(utterances):
    quota = label_quota(utterances)
    assert quota.sum() == utterances
    assert quota.min() >= 0
    assert utterances < 24 or quota[:7].min() >= 1


def test_final_label_is_always_the_majority_of_the_votes(ratings):
    assert all(_final(votes) == KINDS[kind] for votes, kind in zip(ratings.votes, ratings.kind, strict=True))


def test_ties_are_in_canonical_order():
    for kind in TIE_COUNTS:
        assert kind == join_emotions([name for name in EMOTIONS if name in kind.split(";")])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_class_means_are_the_published_ones_within_sampling_error(turns, seed):
    ratings = draw_ratings(seed, turns)
    for index, name in enumerate(CLASS_COUNTS):
        mine = ratings.kind == index
        for scale, reports in enumerate((ratings.valence, ratings.arousal)):
            means = reports[mine].mean(axis=1)
            error = means.std(ddof=1) / np.sqrt(mine.sum())
            assert abs(means.mean() - CLASS_MEANS[name][scale]) < 2.6 * error, (name, scale)
            assert 0.2 < means.std() < 0.6


def test_reports_are_on_the_scale_and_raters_differ(ratings):
    for reports in (ratings.valence, ratings.arousal):
        assert set(np.unique(reports)) == {1, 2, 3, 4, 5}
        bias = reports.mean(axis=0) - reports.mean()
        assert 0.05 < bias.std() < 0.3
        assert 0.3 < np.mean([np.corrcoef(reports[:, i], reports.mean(axis=1))[0, 1] for i in range(10)]) < 0.9


def test_speakers_differ_beyond_chance(turns, ratings):
    neutral = ratings.kind == KINDS.index("neutral")
    totals = ratings.valence[neutral].mean(axis=1)
    speakers = turns.user[neutral]
    means = np.array([totals[speakers == user].mean() for user in range(1, 81)])
    chance = totals.std() / np.sqrt(neutral.sum() / 80)
    assert 2 * chance < means.std() < 8 * chance


def test_latents_explain_the_reports(ratings):
    assert np.corrcoef(ratings.tone, ratings.valence.mean(axis=1))[0, 1] > 0.75
    assert np.corrcoef(ratings.energy, ratings.arousal.mean(axis=1))[0, 1] > 0.65


@settings(deadline=None, max_examples=20)
@given(st.floats(1.3, 4.7), st.floats(0.3, 1.2))
def test_latent_mean_inverts_rounding_and_clipping(report, sd):
    bias = np.array([-0.2, 0.2])
    mean = latent_mean(report, sd, bias)
    drawn = mean + np.random.default_rng(0).normal(0, sd, size=(200000, 1)) + bias
    assert np.clip(np.rint(drawn), 1, 5).mean() == pytest.approx(report, abs=0.012)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000), st.integers(1, 80))
def test_small_corpora_obey_the_same_laws(seed, utterances):
    turns = draw_turns(seed, utterances=utterances, sessions=1)
    ratings = draw_ratings(seed, turns)
    assert ratings.votes.shape == ratings.valence.shape == (utterances, 10)
    assert [_final(votes) for votes in ratings.votes] == [KINDS[kind] for kind in ratings.kind]


def test_the_speaker_effect_moves_ratings_and_nothing_that_is_seen_or_heard(turns, ratings):
    stronger = draw_ratings(0, turns, speaker_effect=5.0)
    for name in ("kind", "votes"):
        np.testing.assert_array_equal(getattr(stronger, name), getattr(ratings, name))
    for name in ("tone", "energy"):
        assert np.corrcoef(getattr(stronger, name), getattr(ratings, name))[0, 1] > 0.99
    levels = [
        np.std([drawn.arousal[turns.user == user].mean() for user in range(1, 81)]) for drawn in (ratings, stronger)
    ]
    assert levels[1] > 3 * levels[0]
