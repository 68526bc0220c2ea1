"""dpm_solver (to be written)."""
