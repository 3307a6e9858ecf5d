"""How retraining is started: one file per trigger, one line each in ``alerting.registry``."""
