"""What attacks and defences share: containers, and the checks that all of them obey."""
