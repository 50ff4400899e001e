"""Batches: many fits from one manifest, run side by side, resumed after any interruption."""
