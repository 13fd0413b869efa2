"""The published image benchmark of domain-adversarial training: digits without and with a photo behind."""
