"""Access to the server: hosts, origins, login and limits by address, before anything answers."""
