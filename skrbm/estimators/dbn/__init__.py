"""Deep belief networks, and predictors that are initialised from them."""
