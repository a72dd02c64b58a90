"""Pictures and texts: where they come from, and how a long-tailed training set is drawn."""
