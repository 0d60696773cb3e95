"""Call records: from a file to calls, and through LogCall.

    file -> lines, csv_rows | json_rows   every byte belongs to one row
         -> detection, readers            which form it is; rows of texts by field
         -> asterisk | generic            one Record a row, or why the row is left out
         -> linking, merging, grouping    the records of one call become its legs
         -> replayer                      one LogCall a call, many at a time
         -> summary                       what became of them

`linking` and `merging` are pure functions over records: a listener to live events can use them, too. Nothing prints.
"""
