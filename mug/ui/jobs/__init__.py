"""The page's jobs: queue, folders, state and what a job does."""
