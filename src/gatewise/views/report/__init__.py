"""The report: what happens inside a model on one example, as a page to open and as pictures."""

from gatewise.views.report.inspection import Inspection, inspect
from gatewise.views.report.page import page, write_page
from gatewise.views.report.pictures import PICTURES, draw

__all__ = ["PICTURES", "Inspection", "draw", "inspect", "page", "write_page"]
