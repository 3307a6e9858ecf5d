from tests.monitor.conftest import poster, service, world

__all__ = ["poster", "service", "world"]
