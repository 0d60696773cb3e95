"""WatchCallLogs: the feed of changes, the schedule of watchers, and the encoding of what they are sent."""
