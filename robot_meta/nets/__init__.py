"""Networks as functions of parameters."""
