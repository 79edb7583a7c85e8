"""The measuring bench: ``python -m bench`` runs scenarios against a real server and prints what it saw."""


class Broken(Exception):  # noqa: N818 -- a verdict: what is to be measured does not work
    """An event lost, a request refused, a server that does not start. Slowness is never that."""
