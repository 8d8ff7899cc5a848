"""The game itself: rounds, odds, augmentation. It knows no disk, no log and no option string."""
