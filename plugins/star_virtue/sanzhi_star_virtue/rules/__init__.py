"""Rules of the star rating: pure questions over plain values. They read no row and know no clock.

A rule answers, or raises a `Refusal` with the error code of domain/core.md §0. Sources: seed 002 二(二);
domain/star_virtue.md.
"""
