"""What is kept: SQLAlchemy tables, one way to write, and a module of small functions per kind of thing."""
