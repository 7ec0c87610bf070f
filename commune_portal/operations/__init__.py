"""Install, upgrade, roll back: the state machine that deploy/ calls."""
