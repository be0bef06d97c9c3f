"""One file per verb: what the command line, the app and ``import tumorscope`` call."""
