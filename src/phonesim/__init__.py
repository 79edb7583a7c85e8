"""A phone and a webhook receiver to try Ringback with: HTTP only, nothing of ringback is imported."""
