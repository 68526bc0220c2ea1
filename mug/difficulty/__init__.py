"""Star rating, skill sets (MSD) and other measures of a chart's difficulty."""
