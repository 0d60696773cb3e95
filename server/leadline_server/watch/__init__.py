"""Changes of call logs, sent to clients that watch them."""
