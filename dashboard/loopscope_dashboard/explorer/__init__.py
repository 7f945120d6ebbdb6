"""The explorer: jobs and their timelines in a browser, read from a journal."""
