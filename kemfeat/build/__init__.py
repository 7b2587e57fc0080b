"""Build the store of a corpus. Running the same build again resumes it, or does nothing."""

from kemfeat.build._forecast import ArrayForecast, Forecast, forecast
from kemfeat.build._job import build_store
from kemfeat.build._recompute import recompute, require_one_corpus
from kemfeat.build._report import BuildOptions, BuildReport
from kemfeat.build._settings import Resolved, resolve
from kemfeat.build._timing import Timing
from kemfeat.build.join import JoinReport, join_stores
from kemfeat.parallel import Progress

__all__ = [
    "ArrayForecast",
    "BuildOptions",
    "BuildReport",
    "Forecast",
    "JoinReport",
    "Progress",
    "Resolved",
    "Timing",
    "build_store",
    "forecast",
    "join_stores",
    "recompute",
    "require_one_corpus",
    "resolve",
]
