"""One loop, its schedules, order, augmentation, checkpoints and progress."""
