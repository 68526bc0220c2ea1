"""Rules of playability: findings in a chart."""
