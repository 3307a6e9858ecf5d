"""How well, and at what cost, drift is detected: Plimsoll beside six open packages at their defaults."""
