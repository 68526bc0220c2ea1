"""What happens to decoded notes on their way to a chart."""
