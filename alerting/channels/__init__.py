"""How people are told: one file per channel, one line each in ``alerting.registry``."""
