"""What the command line, the screen and the metrics read, and the requests that they leave."""
