"""What people ask for: frozen, keyword-only, None = "choose for me"."""
