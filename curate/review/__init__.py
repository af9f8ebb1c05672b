"""The review desk: a local web application in which people look at a run and decide. `curate review RUN`."""
