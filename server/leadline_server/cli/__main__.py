"""`python -m leadline_server.cli` is `leadline`."""

from leadline_server.cli import main

if __name__ == "__main__":
    main()
