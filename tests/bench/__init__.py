"""Measures leadline side by side with a bare grpc.aio echo of the same messages. Run by `make bench`."""
