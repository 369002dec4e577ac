"""What other programs' pictures say of themselves, read into settings. Draws nothing and changes no file."""
