"""The report: all values inside a model on one example, as an HTML page and as figures."""

from gatewise.report.inspection import Inspection, inspect
from gatewise.report.page import page, write_page
from gatewise.report.pictures import PICTURES, draw

__all__ = ["PICTURES", "Inspection", "draw", "inspect", "page", "write_page"]
