"""Kernels that cannot reach anything: bubblewrap around them, a fresh world for each submission."""
