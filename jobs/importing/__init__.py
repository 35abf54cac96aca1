"""A file of people becomes the jobs of a campaign (docs/campaigns-import.md).

columns → which column is which field · cells → what one cell says · people → rows that speak of one person, and what
they say together · deciding → who may be called, who is there already · storing → one chunk, all or nothing ·
running → look at a file, carry an import out · answers → what clients are told · do_not_call → a list of numbers.
"""
