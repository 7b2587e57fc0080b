"""What the columns of the tables mean, in one line each: for the data card, Croissant and ``docs/store-format.md``."""

from __future__ import annotations

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
    "valence": "mean of the raters, 1 negative to 5 positive",
    "arousal": "mean of the raters, 1 low to 5 high",
    "clock_start": "clock of the first EDA or TEMP sample, else of the first beat",
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

RATINGS: dict[str, str] = {
    "id": "the utterance",
    "rater": "who judged it",
    "rater_sex": "sex of the rater, F or M",
    "emotion": "emotions the rater named, joined by ;",
    "valence": "1 negative to 5 positive",
    "arousal": "1 low to 5 high",
}
"""Columns of ``ratings``."""


def describe(column: str) -> str:
    """What a column of ``utterances`` means; empty for one that only its feature knows."""
    if column.startswith("votes_"):
        return f"raters who named {column.removeprefix('votes_')}"
    if column.endswith("_coverage"):
        return f"share of start to end that {column.removesuffix('_coverage').upper()} covers, 0 to 1"
    return UTTERANCES.get(column, "")
