"""The outbox to Discord: cards for triagers, questions and outcomes for reporters."""
