"""Deep belief networks, and the predictors that start from them."""
