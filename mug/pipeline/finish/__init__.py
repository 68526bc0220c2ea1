"""Notes of the network to a finished chart."""
