"""Replaying a phone system's call records through LogCall.

    file -> asterisk | generic   one Record a row, or why the row is left out
         -> grouping             rows of one call become its legs
         -> replayer             one LogCall a call, many at a time
         -> summary              what became of them

Nothing here prints.
"""
