"""The commands: arguments, one call into the library, a summary, an exit code."""
