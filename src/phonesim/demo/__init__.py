"""`make demo`: the whole journey on one terminal page, with the real programs."""
