"""The console: pages and real forms. Every button works without a script; a GET changes nothing."""
