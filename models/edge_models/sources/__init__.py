"""How a file is brought from where it is to the store's staging place; whether it is the right one is checked after."""
