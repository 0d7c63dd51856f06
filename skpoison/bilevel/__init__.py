"""The mathematics of poisoning: arrays in, arrays out."""
