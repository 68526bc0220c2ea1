"""Commands for data: collect, measure, filter, report, lists of the osu! API."""
