"""Figures of Tocsin, each beside a baseline of the same run. Nothing here passes or fails."""
