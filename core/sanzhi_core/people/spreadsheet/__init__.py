"""Streaming reader of the tables that counties already have: Excel (.xlsx) or CSV."""

from sanzhi_core.people.spreadsheet.header import Columns
from sanzhi_core.people.spreadsheet.problem import SpreadsheetProblem
from sanzhi_core.people.spreadsheet.reader import read_rows

__all__ = ["Columns", "SpreadsheetProblem", "read_rows"]
