"""The command line: one file per verb, each calls one workflow and shows what it returns."""
