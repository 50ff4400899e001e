"""Forward models in pure JAX: arrays in, arrays out, canonical units, anodic current positive."""
