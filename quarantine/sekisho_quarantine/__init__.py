"""Everything after the verdict: the durable store, release, audit and retention."""
