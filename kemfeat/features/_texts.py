"""What features of a transcript share: its cleaned text, and how a tokenizer reads it."""

from __future__ import annotations

from tokenizers import Encoding, Tokenizer

from kemfeat.errors import ExtractionError
from kemfeat.features import Media
from kemfeat.features._tokenizers import refused
from kemfeat.records import FeatureArray


def cleaned(media: Media, *, feature: str) -> str:
    """The cleaned text of an utterance.

    Raises
    ------
    ExtractionError
        It has none.
    """
    made = media["text"]
    text = made.columns.get("text_clean") if isinstance(made, FeatureArray) else None
    if not isinstance(text, str):
        raise ExtractionError(
            f"{feature}: the utterance has no cleaned text; expected the column text_clean of the feature text; "
            "restore the transcript"
        )
    return text


def plain(json: str) -> Tokenizer:
    """A tokenizer that pads nothing, cuts nothing, and takes a control token written in a text for text."""
    tokenizer = Tokenizer.from_str(json)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.encode_special_tokens = True
    return tokenizer


def encoded(tokenizer: Tokenizer, text: str, *, max_length: int, feature: str) -> tuple[Encoding, int]:
    """A text between its control tokens, cut before the last of them, and its pieces before it was cut.

    Raises
    ------
    ExtractionError
        The tokenizer fails on the text.
    """
    with refused(feature, "the tokenizer fails on the text", "use another tokenizer", kind=ExtractionError):
        encoding = tokenizer.encode(text, add_special_tokens=False)
        pieces = len(encoding)
        encoding.truncate(max_length - tokenizer.num_special_tokens_to_add(is_pair=False))
        row = tokenizer.post_process(encoding)
    return row, pieces
