"""Templates for releases of Common Voice."""
