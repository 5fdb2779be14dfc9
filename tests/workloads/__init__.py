"""Memory that checks itself, and third-party programs under load, by every strategy. Run by `make proof`."""
