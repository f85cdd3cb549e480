"""`python -m strongroom` is the same as `strongroom`."""

from strongroom.cli.start import main

if __name__ == "__main__":
    main()
