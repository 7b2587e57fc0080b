"""Results of tests as lines that can be pasted into a paper.

The form is that of the American Psychological Association (Publication Manual, 7th edition, 2020, sections 6.36, 6.38
and 6.43 to 6.45): two decimals for statistics and effects, three for p, no zero before the point of a number that
cannot exceed 1, no comma in degrees of freedom. Degrees of freedom that are not whole have one decimal. Missing numbers
give an empty text, which :func:`line` leaves out.
"""

from __future__ import annotations

import math

_MINUS = "\u2212"


def line(about: str, *parts: str) -> str:
    """Join what a test is about and what it found.

    Parameters
    ----------
    about : str
        Such as the pair of groups.
    *parts : str
        Results; empty ones are left out.

    Returns
    -------
    str
        One line of plain text; empty where there is no result.

    Examples
    --------
    >>> line("arousal", f_test(4.512, df1=3, df2=45.23), p_value(0.0079), effect("\u03b7\u00b2", 0.171, bounded=True))
    'arousal: F(3, 45.2) = 4.51, p = .008, \u03b7\u00b2 = .17'
    """
    results = [part for part in parts if part]
    return f"{about}: {', '.join(results)}" if results else ""


def p_value(p: float, name: str = "p") -> str:
    """A p-value with three decimals, or its bound.

    Parameters
    ----------
    p : float, 0 to 1
        The p-value.
    name : str
        What it is called.

    Returns
    -------
    str
        Empty where it is NaN.

    Examples
    --------
    >>> p_value(0.0079), p_value(2e-9), p_value(0.99996, "Holm-adjusted p")
    ('p = .008', 'p < .001', 'Holm-adjusted p > .999')
    """
    if math.isnan(p):
        return ""
    if p < 0.001:
        return f"{name} < .001"
    text = f"{p:.3f}"
    return f"{name} > .999" if text == "1.000" else f"{name} = {text.removeprefix('0')}"


def f_test(statistic: float, *, df1: float, df2: float) -> str:
    """An F statistic.

    Parameters
    ----------
    statistic : float, >= 0
        F.
    df1, df2 : float
        Degrees of freedom.

    Returns
    -------
    str
        Empty where a number is missing.

    Examples
    --------
    >>> f_test(12.304, df1=4, df2=231.62)
    'F(4, 231.6) = 12.30'
    """
    return _of("F", statistic, df1, df2)


def t_test(statistic: float, *, df: float) -> str:
    """A t statistic.

    Parameters
    ----------
    statistic : float
        t.
    df : float
        Degrees of freedom.

    Returns
    -------
    str
        Empty where a number is missing.

    Examples
    --------
    >>> t_test(-2.345, df=15)
    't(15) = \u22122.35'
    """
    return _of("t", statistic, df)


def chi_square(statistic: float, *, df: float, n: int | None = None, name: str = "\u03c7\u00b2") -> str:
    """A chi-square statistic, or one that is compared with its distribution.

    Parameters
    ----------
    statistic : float, >= 0
        The statistic.
    df : float
        Degrees of freedom.
    n : int or None
        Cases, which APA gives for a chi-square of counts.
    name : str
        Sign of the statistic.

    Returns
    -------
    str
        Empty where a number is missing.

    Examples
    --------
    >>> chi_square(12.3, df=8, n=1600), chi_square(23.456, df=4, name="H")
    ('\u03c7\u00b2(8, N = 1,600) = 12.30', 'H(4) = 23.46')
    """
    if math.isnan(statistic) or math.isnan(df):
        return ""
    cases = "" if n is None else f", N = {n:,}"
    return f"{name}({_df(df)}{cases}) = {number(statistic)}"


def effect(
    name: str, value: float, *, low: float = math.nan, high: float = math.nan, bounded: bool = False, level: int = 95
) -> str:
    """A size of an effect, and its interval where it has one.

    Parameters
    ----------
    name : str
        What it is called.
    value : float
        The size.
    low, high : float
        Ends of its interval; NaN for none.
    bounded : bool
        Whether it cannot exceed 1, so that no zero is written before its point.
    level : int, %
        Confidence of the interval.

    Returns
    -------
    str
        Empty where there is no value. A number whose two decimals would be 0 gets two significant digits.

    Examples
    --------
    >>> effect("r", -0.215, low=-0.31, high=0.004, bounded=True)
    'r = \u2212.21, 95% CI [\u2212.31, .00]'
    >>> effect("mean difference", 0.00312, low=0.001, high=0.0052)
    'mean difference = 0.0031, 95% CI [0.0010, 0.0052]'
    """
    if math.isnan(value):
        return ""
    ends = [] if math.isnan(low) or math.isnan(high) else [low, high]
    decimals = 2 if bounded else _decimals(value, *ends)
    texts = [number(each, decimals=decimals, bounded=bounded) for each in (value, *ends)]
    return f"{name} = {texts[0]}" + (f", {level}% CI [{texts[1]}, {texts[2]}]" if ends else "")


def number(value: float, *, decimals: int = 2, bounded: bool = False) -> str:
    """A number as it stands in a text.

    Parameters
    ----------
    value : float
        The number.
    decimals : int, >= 0
        Digits after the point.
    bounded : bool
        Whether it cannot exceed 1, so that no zero is written before its point.

    Returns
    -------
    str
        With a minus sign and grouped thousands; never minus zero.

    Examples
    --------
    >>> number(-0.215, bounded=True), number(1.0, bounded=True), number(-0.001), number(1234.5)
    ('\u2212.21', '1.00', '0.00', '1,234.50')
    """
    text = f"{abs(value):,.{decimals}f}"
    minus = _MINUS if value < 0 and any(digit in "123456789" for digit in text) else ""
    return minus + (text.removeprefix("0") if bounded else text)


def amount(value: float) -> str:
    """A number in the unit of a variable, with two decimals, or two significant digits where those would be lost.

    Parameters
    ----------
    value : float
        The number.

    Returns
    -------
    str

    Examples
    --------
    >>> amount(0.2), amount(0.00312)
    ('0.20', '0.0031')
    """
    return number(value, decimals=_decimals(value))


def _of(name: str, statistic: float, *dfs: float) -> str:
    if any(math.isnan(each) for each in (statistic, *dfs)):
        return ""
    return f"{name}({', '.join(map(_df, dfs))}) = {number(statistic)}"


def _df(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"


def _decimals(*values: float) -> int:
    largest = max(map(abs, values))
    return 2 if not 0 < largest < 0.05 else 1 - math.floor(math.log10(largest))
