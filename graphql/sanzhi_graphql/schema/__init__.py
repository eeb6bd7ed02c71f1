"""One Strawberry schema from all declarations, pruned per set of enabled plugins (architecture 10)."""
