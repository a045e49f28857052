"""SQLAlchemy models, Alembic migrations and the small functions over them."""
