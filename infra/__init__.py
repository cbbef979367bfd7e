"""The AWS resources of Castline: one construct a concern, five stacks that only compose and grant."""
