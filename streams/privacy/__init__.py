"""Privacy: pseudonyms for identifiers of persons, masks for texts, and the key of both."""
