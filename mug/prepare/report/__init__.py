"""The report page of a data set."""
