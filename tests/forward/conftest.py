"""The forward models are tested in double precision, as the package uses them."""

import jax

jax.config.update("jax_enable_x64", True)
