"""The leadline client: generated stubs in `leadline.v1`."""
