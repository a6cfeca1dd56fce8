"""Set up before anything is imported."""

import os

# scipy reads it once, on import; without it one of scikit-learn's checks skips itself.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
