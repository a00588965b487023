"""What a change of the working tree does to those who read: compared with what is published, or
with a git revision."""
