"""`python -m leadline_server` is `leadline serve`."""

from leadline_server.console_script import main

if __name__ == "__main__":
    main(["serve"])
