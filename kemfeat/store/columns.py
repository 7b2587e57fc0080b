"""The meaning of each column of the tables in one line: for the data card, Croissant and ``docs/store-format.md``."""

from __future__ import annotations

from collections.abc import Mapping

from kemfeat.records import stem, tag_of

UTTERANCES: dict[str, str] = {
    "id": "name of the utterance, unique in the store",
    "session": "conversation partners' session",
    "script": "part of the session, such as one topic",
    "speaker": "who speaks",
    "sex": "sex of the speaker, F or M",
    "partner": "who listens",
    "start": "begin of the utterance in the conversation [s]",
    "end": "end of the utterance in the conversation [s]",
    "duration": "length of the audio [s], NaN when it is missing",
    "text": "transcript as the corpus has it",
    "text_clean": "transcript under the configured cleaning",
    "text_encoding": "encoding the transcript was read in",
    "n_pieces": "pieces of the cleaned text before truncation, special tokens not counted",
    "audio": "path of the audio file below the corpus",
    "emotion": "final emotion under the label rule, ties joined by ;",
    "emotion_first": "first emotion of a tie, else the emotion",
    "emotion_annotated": "the corpus' own final emotion",
    "is_tie": "whether emotion holds several",
    "in_5class": "whether emotion is exactly one of neutral, sad, happy, surprise, angry",
    "majority": "the emotions with the most raters",
    "valence": "negative to positive; mean of the raters, 1 to 5, where the corpus has raters",
    "arousal": "low to high; mean of the raters, 1 to 5, where the corpus has raters",
    "clock_start": "clock of the first EDA or TEMP sample, else of the first beat or other sample",
    "mel_frames": "frames of mel that are stored (0 = missing)",
    "mel_frames_total": "frames that the audio has; more than mel_frames where the row is cut",
    "mel_rounding_error": "largest difference that storing mel in its dtype made [dB]",
    "delta_rounding_error": "largest difference that storing delta in its dtype made [dB/frame]",
    "source_sampling_rate": "sampling rate of the audio file [Hz]",
    "source_channels": "channels of the audio file",
    "eda_length": "EDA samples that are stored (0 = missing)",
    "eda_length_total": "EDA samples that the corpus has for the utterance",
    "temp_length": "TEMP samples that are stored (0 = missing)",
    "temp_length_total": "TEMP samples that the corpus has for the utterance",
    "ibi_length": "heart beats of the utterance (0 = missing)",
    "ibi_samples": "points of the ibi grid that have a value",
    "ibi_beats_dropped": "beats that the ibi grid cannot show",
}
"""Columns of ``utterances`` by name; see :func:`describe` for those that come in families."""

OF_SOME_STORES: dict[str, str] = {
    "corpus": "corpus of the utterance in a joined store, with which its names begin",
    "emotion_speech": "label by annotators who were given the sound alone",
    "emotion_face": "label by annotators who were given the face alone",
    "emotion_text": "label by annotators who were given the words alone",
    "emotion_multimodal": "label by annotators who were given sound, face and words",
}
"""Columns of ``utterances`` that only joined stores, or corpora with several labels, have."""

RATINGS: dict[str, str] = {
    "id": "the utterance",
    "rater": "who judged it",
    "rater_sex": "sex of the rater, F or M",
    "emotion": "emotions the rater named, joined by ;",
    "valence": "1 negative to 5 positive",
    "arousal": "1 low to 5 high",
}
"""Columns of ``ratings``."""


FEATURES: dict[str, str] = {
    "ecg_sampling_rate": "samples of the ECG per second [Hz] (0 = missing)",
    "ecg_heart_rate": "60 over the mean interval between beats [1/min]",
    "ecg_ibi_mean": "mean interval between beats [s]",
}
"""Columns of ``utterances`` that only some features add."""

_HOW = {
    "mean": "mean of {}",
    "sd": "standard deviation of {}",
    "p10": "10th percentile of {}",
    "p50": "median of {}",
    "p90": "90th percentile of {}",
    "slope": "slope over time of {} and s",
}
_PROSODY = {
    "f0": "F0 of voiced frames [Hz]",
    "intensity": "intensity [dB]",
    "hnr": "harmonics-to-noise ratio of voiced frames [dB]",
    "centroid": "spectral centroid [Hz]",
    "rolloff": "spectral roll-off, 85 % [Hz]",
    "flux": "spectral flux [1]",
}
FEATURES |= {
    **{
        f"prosody.{what}_{how}": text.format(meaning)
        for what, meaning in _PROSODY.items()
        for how, text in _HOW.items()
    },
    "prosody.voiced_share": "share of frames that are voiced, 0 to 1",
    "prosody.voiced_frames": "frames that are voiced",
    "prosody.jitter_local": "mean difference of periods that follow one another, over the mean period [1]",
    "prosody.jitter_rap": "mean difference of a period from the mean of three, over the mean period [1]",
    "prosody.shimmer_local": "mean difference of amplitudes that follow one another, over the mean amplitude [1]",
    "prosody.shimmer_apq3": "mean difference of an amplitude from the mean of three, over the mean amplitude [1]",
    "prosody.nuclei_per_s": "voiced peaks of the intensity, about syllables [1/s]",
    "prosody.voiced_runs_per_s": "stretches of voice [1/s]",
    "prosody.voiced_run_mean": "mean length of a stretch of voice [s]",
    "prosody.unvoiced_run_mean": "mean length of a stretch without voice [s]",
    "hrv.beats": "intervals between heart beats that the measures are made from",
    "hrv.mean_hr": "mean heart rate [1/min]",
    "hrv.sdnn": "standard deviation of the intervals between heart beats [ms]",
    "hrv.rmssd": "root mean square of the differences between intervals that follow one another [ms]",
    "hrv.pnn50": "share of those differences above 50 ms, 0 to 1",
    "hrv.reason": "why a measure of hrv is missing",
    "eda_components.samples": "EDA samples of the utterance that the measures are made from",
    "eda_components.window": "EDA in and around the utterance that was split into its parts [s]",
    "eda_components.fit_error": "root mean square of what neither part of EDA explains [uS]",
    "eda_components.tonic_mean": "mean of the tonic part of EDA [uS]",
    "eda_components.tonic_slope": "slope over time of the tonic part of EDA [uS/s]",
    "eda_components.phasic_mean": "mean of the phasic part of EDA [uS]",
    "eda_components.phasic_sd": "standard deviation of the phasic part of EDA [uS]",
    "eda_components.phasic_max": "largest value of the phasic part of EDA [uS]",
    "eda_components.phasic_area": "integral of the phasic part of EDA [uS s]",
    "eda_components.scr_count": "skin-conductance responses whose onset is in the utterance",
    "eda_components.scr_per_min": "skin-conductance responses [1/min]",
    "eda_components.scr_amplitude_mean": "mean amplitude of the skin-conductance responses, trough to peak [uS]",
    "eda_components.scr_rise_time_mean": "mean time from trough to peak of the skin-conductance responses [s]",
    "eda_components.reason": "why a measure of eda_components is missing",
}

_PREFIXES = {
    "egemaps.": "{} of eGeMAPSv02, as openSMILE names it",
    "votes_": "raters who named {}",
    "listener_": "{} in the listener's annotation",
    "self_": "{} by the actor of the utterance",
    "x_": "column {} of the user's own table",
}
_SUFFIXES = {
    "_length_total": "elements of {} that there are; more than are stored where the row is cut",
    "_length": "elements of {} that are stored (0 = missing)",
    "_frames_total": "frames of {} that there are; more than are stored where the row is cut",
    "_frames": "frames of {} that are stored (0 = missing)",
}


def describe(column: str, own: Mapping[str, str]) -> str:
    """The meaning of a column of ``utterances``.

    Parameters
    ----------
    column : str
        Name of the column.
    own : mapping of str to str
        Meaning of the columns that only this corpus has, by name.

    Returns
    -------
    str
        One line; empty for a column that only a feature knows.

    Examples
    --------
    >>> describe("eda_coverage", {})
    'share of the utterance that EDA covers, 0 to 1'
    """
    known = {**own, **UTTERANCES, **OF_SOME_STORES, **FEATURES}
    if column in known:
        return known[column]
    if tag := tag_of(column):
        meaning = describe(stem(column), own)
        return meaning and f"{meaning}; of the instance {tag}"
    if column.endswith("_coverage"):
        return f"share of the utterance that {column.removesuffix('_coverage').upper()} covers, 0 to 1"
    for prefix, meaning in _PREFIXES.items():
        if column.startswith(prefix):
            return meaning.format(column.removeprefix(prefix))
    for suffix, meaning in _SUFFIXES.items():
        if column.endswith(suffix):
            return meaning.format(column.removesuffix(suffix))
    return ""
