"""Numbers that several checks share."""

#: Examples shown per finding.
EXAMPLES = 6
