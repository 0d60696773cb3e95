"""Converts between the domain and protobuf messages, one file for each .proto file.

Requests are checked here, all of their fields. So the code below never checks a value again.
"""
