"""`python -m leadline_server` is `leadline serve`."""

from leadline_server.cli import main

if __name__ == "__main__":
    main(["serve"])
