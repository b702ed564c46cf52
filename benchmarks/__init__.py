"""What is compared, and the workflow that runs it."""
