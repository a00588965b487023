"""What the container tells of each version that it publishes: the discovery document."""
