"""The feeds: indicators in, guarded and merged, and given on."""
