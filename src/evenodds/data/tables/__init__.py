"""Tables: read from files, encoded column by column, and decoded again."""
