"""What is minimised: classification, contrast and self-distillation."""
