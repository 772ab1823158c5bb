"""The command line, a file a command, and the longer jobs behind the commands."""
