"""The report: what happens inside a model on one example, as a page to open and as pictures."""

from gatewise.insight.report.inspection import Inspection, inspect
from gatewise.insight.report.page import page, write_page
from gatewise.insight.report.pictures import draw

__all__ = ["Inspection", "draw", "inspect", "page", "write_page"]
