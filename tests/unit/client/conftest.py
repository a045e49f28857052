from tests.unit.api.conftest import client, serve, user_lines

__all__ = ["client", "serve", "user_lines"]
