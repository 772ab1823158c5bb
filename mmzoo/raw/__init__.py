"""Facts about raw values: absent ones, cells, segments, paths, stored bytes. Below everything."""
