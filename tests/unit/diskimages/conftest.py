from tests.unit.images.conftest import tools

__all__ = ["tools"]
