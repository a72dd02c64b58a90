"""Making the files that the package ships, from the releases that they come from (extra `data`)."""
