"""Privacy: pseudonyms and masks for what identifies a person, and the key they are made with."""
