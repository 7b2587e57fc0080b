"""What a store inherits from its corpus: name, licence, citation, how it was collected. Facts, not legal advice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Terms of one corpus.

    Parameters
    ----------
    title : full name of the corpus.
    licence : under what it is given out.
    citation : how its publishers want to be cited.
    collection : who was recorded doing what.
    annotation : who labelled what.
    """

    title: str
    licence: str
    citation: str
    collection: str
    annotation: str


_PASSED_ON = "Neither the corpus nor anything derived from it, such as this store, may be passed on to others. "

_KNOWN = {
    "KEMDy20": Terms(
        title="KEMDy20, the Korean Emotion Multimodal Database of 2020",
        licence=f"Restricted: ETRI gives KEMDy20 out under a signed licence agreement. {_PASSED_ON}"
        "Share the configuration and the digest instead: whoever holds the corpus can rebuild this store from them.",
        citation="KEMDy20, Electronics and Telecommunications Research Institute (ETRI), "
        "https://nanum.etri.re.kr/share/kjnoh2/KEMDy20",
        collection="80 adults aged 19 to 39, in 40 sessions of two, talk freely about six short videos; speech, "
        "and from a wristband electrodermal activity, skin temperature and inter-beat intervals",
        annotation="Ten external raters heard each utterance and gave one of seven emotions, valence and arousal, "
        "each 1 to 5; the corpus' final emotion is the majority",
    ),
    "KEMDy19": Terms(
        title="KEMDy19, the Korean Emotion Multimodal Database of 2019",
        licence=f"Restricted: ETRI gives KEMDy19 out under a signed licence agreement. {_PASSED_ON}"
        "Share the configuration and the digest instead: whoever holds the corpus can rebuild this store from them.",
        citation="KEMDy19, Electronics and Telecommunications Research Institute (ETRI), "
        "https://nanum.etri.re.kr/share/kjnoh2/KEMDy19",
        collection="40 voice actors, in 20 sessions of two, play scripted and improvised scenes; speech, "
        "electrocardiogram, electrodermal activity and skin temperature",
        annotation="Ten external raters heard each utterance and gave one of seven emotions, valence and arousal, "
        "each 1 to 5",
    ),
    "folder": Terms(
        title="A corpus of the user's own",
        licence="Whatever the recordings were given out under holds for everything derived from them, this store too; "
        "read it before passing it on.",
        citation="the recordings, as their publishers ask",
        collection="See the documentation of the recordings",
        annotation="The labels are those of the user's table",
    ),
    "IEMOCAP": Terms(
        title="IEMOCAP, the Interactive Emotional Dyadic Motion Capture database",
        licence=f"Restricted: USC SAIL gives IEMOCAP out under a signed release for research. {_PASSED_ON}",
        citation="C. Busso et al., IEMOCAP: Interactive emotional dyadic motion capture database, "
        "Language Resources and Evaluation 42(4), 335-359, 2008",
        collection="Ten actors, in five sessions of two, play scripted and improvised scenes",
        annotation="Several observers gave each utterance emotion categories, valence, activation and dominance",
    ),
}


def terms_of(dataset: str) -> Terms:
    """Terms of a corpus; for one that is not known here, that its own terms hold."""
    own = f"The terms of {dataset} hold for everything derived from it, this store too; read them before passing it on."
    return _KNOWN.get(dataset) or Terms(
        title=dataset,
        licence=own,
        citation=f"{dataset}, as its publishers ask",
        collection=f"See the documentation of {dataset}",
        annotation=f"See the documentation of {dataset}",
    )
