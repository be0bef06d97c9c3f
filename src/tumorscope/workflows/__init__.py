"""One file per verb: what the command line, an app and `import tumorscope` call."""
