"""Backups of the hub's database: taken while it runs, checked, restored so that nothing goes back that must not."""
