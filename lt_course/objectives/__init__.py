"""What is minimised: classification and contrast."""
