"""The quickstart: synthetic speech, a multilingual source, its adaptation, and a report, in minutes."""

from speechtl.quickstart.finding import Finding, Findings
from speechtl.quickstart.running import Outcome, quickstart
from speechtl.quickstart.settings import FULL, SMOKE, Quickstart, Size

__all__ = ["FULL", "SMOKE", "Finding", "Findings", "Outcome", "Quickstart", "Size", "quickstart"]
