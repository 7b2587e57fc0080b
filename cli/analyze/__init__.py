"""``kemfeat analyze``: one file per analysis."""

from __future__ import annotations

import typer

from . import agreement, anova, balance, correlation, dtw, missingness

app = typer.Typer(help="Analyse a store: tables, figures and one JSON per analysis.", no_args_is_help=True)
app.command("anova")(anova.anova)
app.command("dtw")(dtw.dtw)
app.command("missingness")(missingness.missingness)
app.command("correlation")(correlation.correlation)
app.command("agreement")(agreement.agreement)
app.command("balance")(balance.balance)
