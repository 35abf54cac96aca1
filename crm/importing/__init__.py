"""Spreadsheets into contacts and leads (docs/imports.md).

files → a table of texts, whatever the file · columns → which column is which field · rows → what a row
says, or why it cannot be read · people → who is already known · storing → one chunk, all or nothing ·
running → preview a file, carry a run out.
"""
