"""One file per check; each holds one public function ``check(audited) -> list[Finding]``."""
