"""Settings drawn at random."""

from hypothesis import settings
from hypothesis import strategies as st

quick = settings(deadline=None, max_examples=60)
words = st.text("abcdefg_", min_size=1, max_size=6)
scalars = st.one_of(
    st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), words
)
trees = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3))
tables = st.dictionaries(words, trees, max_size=4)
