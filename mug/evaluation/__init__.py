"""How charts are judged: rows of figures, tables, pages."""
