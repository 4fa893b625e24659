"""How thorough the property tests are; `--hypothesis-profile=long` is for a release."""

from hypothesis import HealthCheck, settings

settings.register_profile("default", max_examples=300, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", max_examples=10_000, suppress_health_check=list(HealthCheck))
settings.load_profile("default")
