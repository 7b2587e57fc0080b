"""Numbers with their nouns."""


def many(count: int, noun: str) -> str:
    """A number with its noun, in the plural unless it is 1.

    Parameters
    ----------
    count : int
        How many.
    noun : str
        The noun in the singular; its plural is formed with s.

    Returns
    -------
    str
        Thousands have a comma between them.

    Examples
    --------
    >>> many(1, "session"), many(2345, "utterance")
    ('1 session', '2,345 utterances')
    """
    return f"{count:,} {noun}{'s' * (count != 1)}"
