"""ASV benchmark modules only: ASV imports everything that it finds here."""
