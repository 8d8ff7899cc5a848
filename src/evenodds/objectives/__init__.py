"""What the players want: adversarial losses and penalties. A loss knows no network."""
