"""The door: arguments are checked before any work, with one sentence that says what is wrong."""
