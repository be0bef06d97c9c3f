"""Ground floor: the types every other room speaks. No torch here."""
