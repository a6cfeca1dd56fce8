"""What all estimators share. May import all but other estimators."""
