"""What the tests against redis-server share."""
