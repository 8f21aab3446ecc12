"""The checks that a plane passes before it is saved, and each time it is looked at again."""
