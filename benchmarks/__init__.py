"""This project beside its peers, timed in one process; run as `make bench`."""
