"""The page's parts: form, tabs, texts in two languages."""
