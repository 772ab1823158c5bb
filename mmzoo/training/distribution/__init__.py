"""Distribution: several devices and hosts, on JAX."""
