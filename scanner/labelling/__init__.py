"""Labelling one's own mail: in the terminal, from files of other tools, from mail folders."""
