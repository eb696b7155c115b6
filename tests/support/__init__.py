"""Real servers, a mail client and programs for the tests."""
