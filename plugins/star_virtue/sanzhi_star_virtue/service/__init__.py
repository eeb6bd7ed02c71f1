"""What star_virtue does, by noun: operations that write and the reading they need."""
