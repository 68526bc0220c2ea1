"""StepMania's `.sm` and `.ssc` charts."""
