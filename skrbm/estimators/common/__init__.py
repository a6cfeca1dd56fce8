"""Code shared by all estimators. It imports no estimator."""
