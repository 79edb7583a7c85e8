"""The crash proof: load from outside, a server killed again and again, and a judge with two ledgers in hand."""
