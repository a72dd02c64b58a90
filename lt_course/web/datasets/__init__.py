"""Sets of photographs: where they come from, how they are labelled."""
