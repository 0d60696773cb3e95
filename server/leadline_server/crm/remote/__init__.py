"""Adapters in other processes, in any language, that serve `leadline.adapter.v1`; and any adapter served as one."""
