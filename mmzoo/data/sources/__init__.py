"""Sources: one file a kind of file or object that rows come from -> records."""
