"""What this project measured on its own networks, drawn and said."""
