"""The address book: which ranges the planes use, where they meet, and which blocks are free. Knows no model."""
