"""What is wrong with a file or a row, in words that the clerk who made the table understands."""

from dataclasses import dataclass


@dataclass
class SpreadsheetProblem(Exception):
    """A file, header or row that cannot be taken.

    `line` is the row number that Excel shows (0: the whole file), `column` the heading as written in the
    file ("": the whole row). Texts never quote a cell: it may hold an ID number.
    """

    line: int
    column: str
    reason_key: str
    message_zh: str
    message_en: str

    def __str__(self) -> str:
        where = f"row {self.line}" if self.line else "file"
        return f"{where}{f', column {self.column}' if self.column else ''}: {self.message_en}"


_TEXTS = {
    "unsupported_file": (
        "只能导入 .xlsx 或 .csv 文件；旧的 .xls 或加密的文件请另存为不加密的 .xlsx。",
        "Only .xlsx or .csv files can be imported; save an old .xls or an encrypted file as a plain .xlsx.",
    ),
    "unreadable_file": ("文件已损坏，读不出来；请重新另存一份。", "The file is damaged; save it anew."),
    "file_too_large": (
        "文件太大，或解压后过大。",
        "The file is too large, or becomes too large when unpacked.",
    ),
    "unsafe_file": (
        "文件含有表格不应有的内容，拒绝读取。",
        "The file holds what no table needs; it was not read.",
    ),
    "encoding": (
        "文字编码认不出来；请另存为“CSV UTF-8”或 .xlsx。",
        "Unknown text encoding; save the file as “CSV UTF-8” or .xlsx.",
    ),
    "header_not_found": (
        "没有找到表头行；前 20 行内应有一行包含：{names}。",
        "No heading row found; one of the first 20 rows must hold: {names}.",
    ),
    "several_sheets": (
        "有几张工作表都有这种表头（{names}）；请只保留一张，或指明是哪一张。",
        "Several sheets have these headings ({names}); keep one, or say which.",
    ),
    "duplicate_column": ("两列表头的意思相同：{names}。", "Two columns mean the same: {names}."),
    "too_many_rows": ("数据超过 {limit} 行；请分成几个文件。", "More than {limit} rows; split the file."),
    "cell_too_long": ("内容超过 {limit} 个字。", "More than {limit} characters."),
    "line_too_long": ("这一行太长，不像表格。", "This line is too long for a table."),
    "formula": (
        "单元格是公式；请复制后“选择性粘贴为数值”。",
        "The cell is a formula; copy and paste it as a value.",
    ),
    "error_value": ("单元格是 Excel 错误值（如 #N/A）。", "The cell is an Excel error (such as #N/A)."),
    "precision_lost": (
        "号码被 Excel 当成数字，后几位已经丢失；请把该列设为“文本”后重新填写。",
        "Excel took the number for a quantity and lost its last digits; format the column as “Text” "
        "and enter it again.",
    ),
    "date_for_number": (
        "号码被 Excel 当成日期；请把该列设为“文本”后重新填写。",
        "Excel took the number for a date; set the column to “Text” and enter it again.",
    ),
    "surplus_cells": ("这一行的格数比表头多。", "The row has more cells than the heading row."),
}


def problem(reason: str, line: int = 0, column: str = "", **facts: object) -> SpreadsheetProblem:
    zh, en = _TEXTS[reason]
    return SpreadsheetProblem(line, column, f"spreadsheet.{reason}", zh.format(**facts), en.format(**facts))
