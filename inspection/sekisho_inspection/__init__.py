"""The room that interprets the sender's bytes: readers, the sandboxed worker, and the client that talks to it."""
