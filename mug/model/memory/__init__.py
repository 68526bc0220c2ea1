"""Memory of networks: skipped initialisation, offloading, memory returned to the system."""
