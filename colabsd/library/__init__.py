"""Pictures kept and found."""
