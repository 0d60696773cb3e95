"""Adapters in other processes that serve `leadline.adapter.v1`, and a server that serves any adapter so."""
