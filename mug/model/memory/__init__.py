"""Memory of networks: building without filling, loading in turns, giving back."""
