"""Ringback turns phones into message channels and rings your backend back."""
