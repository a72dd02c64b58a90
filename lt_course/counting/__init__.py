"""In how many captions a concept is named (Sec. 2 of the paper), and how often on the web."""
