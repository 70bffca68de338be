"""Everything towards the MTA: sessions, replies, processes, health, set-up and doctor."""
